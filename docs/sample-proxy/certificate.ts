import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'

/** What a certificate says; all of it has a default. */
export interface CertificateOptions {
  /** Name of the subject, which is its own issuer. @default 'localhost' */
  readonly commonName?: string
  /** Host names and IPv4 addresses that it is for. @default ['localhost', '127.0.0.1'] */
  readonly altNames?: readonly string[]
  /** @default an hour ago */
  readonly notBefore?: Date
  /** @default in an hour */
  readonly notAfter?: Date
  /** Who signs it: a name and a private key as PEM. @default itself */
  readonly issuer?: { readonly commonName: string; readonly key: string }
}

/** A private key and its certificate, both as PEM. */
export interface Certificate {
  readonly key: string
  readonly cert: string
}

const HOUR = 3_600_000

/**
 * Makes a certificate (RFC 5280) with a fresh P-256 key, signed by itself unless an issuer is given.
 *
 * For tests and demonstrations only. Throws a TypeError for an IPv6 address.
 */
export function selfSigned(options: CertificateOptions = {}): Certificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const content = describe(options, publicKey.export({ type: 'spki', format: 'der' }))
  const signature = sign('sha256', content, options.issuer?.key ?? privateKey)
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: pem(sequence(content, ECDSA_WITH_SHA256, bitString(signature))),
  }
}

/** TBSCertificate (RFC 5280, section 4.1). */
function describe(
  {
    commonName = 'localhost',
    altNames = ['localhost', '127.0.0.1'],
    notBefore = new Date(Date.now() - HOUR),
    notAfter = new Date(Date.now() + HOUR),
    issuer,
  }: CertificateOptions,
  publicKey: Buffer,
): Buffer {
  return sequence(
    der(VERSION, der(INTEGER, Buffer.from([2]))), // version 3
    der(INTEGER, serialNumber()),
    ECDSA_WITH_SHA256,
    nameOf(issuer?.commonName ?? commonName),
    sequence(time(notBefore), time(notAfter)),
    nameOf(commonName),
    publicKey,
    der(
      EXTENSIONS,
      sequence(sequence(ALT_NAMES, der(OCTET_STRING, sequence(...altNames.map(altName))))),
    ),
  )
}

function nameOf(commonName: string): Buffer {
  const value = der(UTF8_STRING, Buffer.from(commonName))
  return sequence(der(SET, sequence(COMMON_NAME, value)))
}

// Tags of DER (ITU-T X.690); those from 0x80 belong to the structure that they are used in.
const INTEGER = 0x02
const BIT_STRING = 0x03
const OCTET_STRING = 0x04
const UTF8_STRING = 0x0c
const GENERALIZED_TIME = 0x18
const UTC_TIME = 0x17
const SEQUENCE = 0x30
const SET = 0x31
const DNS_NAME = 0x82
const IP_ADDRESS = 0x87
const VERSION = 0xa0
const EXTENSIONS = 0xa3

// Object identifiers, tag and length included.
const COMMON_NAME = Buffer.from('0603550403', 'hex')
const ALT_NAMES = Buffer.from('0603551d11', 'hex')
const ECDSA_WITH_SHA256 = sequence(Buffer.from('06082a8648ce3d040302', 'hex'))

function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag, ...length(value.length)]), value])
}

function sequence(...parts: readonly Uint8Array[]): Buffer {
  return der(SEQUENCE, ...parts)
}

/** One byte below 128, else the number of bytes that follow, and these. */
function length(size: number): number[] {
  if (size < 0x80) return [size]
  return size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff]
}

/** The first byte tells how many bits of the last are unused. */
function bitString(value: Buffer): Buffer {
  return der(BIT_STRING, Buffer.from([0]), value)
}

/** The leading byte makes it positive, and no longer than needed. */
function serialNumber(): Buffer {
  return Buffer.concat([Buffer.from([1]), randomBytes(15)])
}

/** UTCTime until 2049, GeneralizedTime after that (RFC 5280, section 4.1.2.5). */
function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/\.\d+|[-:T]/g, '')
  return date.getUTCFullYear() < 2050
    ? der(UTC_TIME, Buffer.from(digits.slice(2)))
    : der(GENERALIZED_TIME, Buffer.from(digits))
}

function altName(name: string): Buffer {
  if (isIPv4(name)) return der(IP_ADDRESS, Buffer.from(name.split('.').map(Number)))
  if (isIP(name)) throw new TypeError(`altNames: ${name} is not an IPv4 address`)
  return der(DNS_NAME, Buffer.from(name))
}

function pem(value: Buffer): string {
  const lines = value.toString('base64').replace(/.{64}(?=.)/g, '$&\n')
  return `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`
}
