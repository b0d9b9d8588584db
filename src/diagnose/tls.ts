import { isIP } from 'node:net'
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls'
import type { Code } from '../errors/codes.js'
import { type Address, at, hostOf, portOf } from './call.js'
import { type Certificate, chainOf, namesOf } from './certificate.js'
import {
  codeOf,
  fault,
  type Finding,
  nameOf,
  note,
  reportOf,
  since,
  type StepReport,
  warning,
} from './finding.js'
import { speaksHttp } from './probe.js'
import { counted, daysIn, timeIn } from './words.js'

/** How a handshake with one address went. */
interface Handshake {
  readonly address: Address
  readonly ms: number
  /** Why it failed, or why the certificate is not to be trusted. */
  readonly error?: unknown
  readonly session?: Session
}

interface Session {
  readonly version: string
  readonly alpn: string | undefined
  readonly chain: readonly Certificate[]
  readonly names: readonly string[]
}

/** The addresses whose certificate can be trusted. */
export interface Secured {
  readonly report: StepReport
  readonly addresses: readonly Address[]
}

/** A certificate with fewer days left is worth a word. */
const SOON = 14
const DAY = 86_400_000

/** Makes a handshake with each address, and reads the certificates, also those that are not valid. */
export async function secureEach(
  addresses: readonly Address[],
  url: URL,
  timeout: number,
): Promise<Secured> {
  const startedAt = performance.now()
  const made = await Promise.all(addresses.map((address) => handshake(address, url, timeout)))
  const good = made.filter(({ error }) => error === undefined)
  const [first] = good.length > 0 ? good : made
  const findings: Finding[] = first?.session ? describe(first.session, url) : []
  const seen = new Set<string>()
  for (const each of made) {
    if (each.error === undefined || seen.has(nameOf(each.error))) continue
    seen.add(nameOf(each.error))
    findings.push(await failed(each, url, { partial: good.length > 0, timeout }))
  }
  return {
    report: reportOf('tls', startedAt, findings, { handshakes: made.map(factsOf) }),
    addresses: good.map(({ address }) => address),
  }
}

function handshake(address: Address, url: URL, timeout: number): Promise<Handshake> {
  const startedAt = performance.now()
  const host = hostOf(url)
  return new Promise((resolve) => {
    const socket = connect({
      host: address.address,
      port: portOf(url),
      // An address is no server name (RFC 6066, section 3).
      servername: isIP(host) ? '' : host,
      ALPNProtocols: ['h2', 'http/1.1'],
      // Only to read the certificate: nothing is sent to a server that it does not fit.
      rejectUnauthorized: false,
    })
    const end = (rest: Pick<Handshake, 'error' | 'session'>) => {
      socket.destroy()
      clearTimeout(timer)
      resolve({ address, ms: since(startedAt), ...rest })
    }
    const timer = setTimeout(end, timeout, { error: { code: 'ERR_TLS_HANDSHAKE_TIMEOUT' } })
    socket.once('error', (error) => end({ error }))
    socket.once('end', () => end({ error: CLOSED }))
    socket.once('secureConnect', () => end(outcomeOf(socket)))
  })
}

/** As Node says it of a client whose handshake the other side ends. */
const CLOSED = {
  code: 'ECONNRESET',
  message: 'Client network socket disconnected before secure TLS connection was established',
}

function outcomeOf(socket: TLSSocket): Pick<Handshake, 'error' | 'session'> {
  const certificate: PeerCertificate = socket.getPeerCertificate(true)
  const alpn = socket.alpnProtocol
  const session = {
    version: socket.getProtocol() ?? 'unknown',
    alpn: typeof alpn === 'string' ? alpn : undefined,
    chain: chainOf(certificate),
    names: namesOf(certificate),
  }
  if (socket.authorized) return { session }
  // Node keeps the code in the place of an error.
  return { session, error: { code: String(socket.authorizationError) } }
}

function describe({ version, alpn, chain, names }: Session, url: URL): Finding[] {
  const sni = isIP(hostOf(url)) ? 'no SNI for an address' : `SNI ${hostOf(url)}`
  const protocol = alpn === undefined ? 'no ALPN' : `ALPN ${alpn}`
  const [leaf] = chain
  const findings = [note(`${version}, ${protocol}, ${sni}`)]
  if (leaf === undefined) return findings
  const issuers = chain.map(({ subject }) => subject).join(' < ')
  findings.push(note(`certificate for ${names.slice(0, 6).join(', ') || leaf.subject}: ${issuers}`))
  const next = chain.reduce((a, b) => (b.validTo < a.validTo ? b : a))
  const left = next.validTo - Date.now()
  if (left < 0) return findings
  const ends = `${next === leaf ? 'the certificate' : `the certificate of ${next.subject}`} ends in`
  findings.push(
    left < SOON * DAY
      ? warning(`${ends} ${timeIn(left)}`, 'Renew it now.')
      : note(`${ends} ${counted(daysIn(left), 'day')}`),
  )
  return findings
}

interface Circumstances {
  /** Whether another address is good. */
  readonly partial: boolean
  readonly timeout: number
}

async function failed(
  made: Handshake,
  url: URL,
  { partial, timeout }: Circumstances,
): Promise<Finding> {
  const { address, error } = made
  const code: Code = codeOf(error)
  const where = `${at(address, portOf(url))}: `
  const more = partial ? { partial } : {}
  if (made.session === undefined && (await speaksHttp(address, portOf(url), timeout)))
    return fault(code, `${where}the port speaks plain HTTP, not TLS (${nameOf(error)})`, {
      ...more,
      fix: `Call http://${url.host} instead, or let the server speak TLS.`,
    })
  const [text, fix] = wordsFor(nameOf(error), made, url)
  return fault(code, `${where}${text} (${nameOf(error)})`, { ...more, ...(fix && { fix }) })
}

type Words = readonly [text: string, fix?: string]

/** What the usual errors mean, beside their names. */
function wordsFor(name: string, { session }: Handshake, url: URL): Words {
  const [leaf] = session?.chain ?? []
  const names = session?.names.slice(0, 6).join(', ') ?? ''
  const words: Readonly<Record<string, Words>> = {
    CERT_HAS_EXPIRED: [
      `the certificate ended ${ago(leaf?.validTo)} ago`,
      'Renew it, and check the clock of this machine.',
    ],
    CERT_NOT_YET_VALID: [
      `the certificate begins in ${ago(leaf?.validFrom)}`,
      'Is the clock of this machine right? Else wait, or use a certificate that has begun.',
    ],
    DEPTH_ZERO_SELF_SIGNED_CERT: [
      'the certificate is self-signed: no authority has signed it',
      'Use one of an authority, or give clients this one (NODE_EXTRA_CA_CERTS).',
    ],
    SELF_SIGNED_CERT_IN_CHAIN: [
      'the authority that signed the certificate is not trusted here',
      'Give clients its certificate (NODE_EXTRA_CA_CERTS).',
    ],
    UNABLE_TO_VERIFY_LEAF_SIGNATURE: INCOMPLETE,
    UNABLE_TO_GET_ISSUER_CERT_LOCALLY: INCOMPLETE,
    UNABLE_TO_GET_ISSUER_CERT: INCOMPLETE,
    ERR_TLS_CERT_ALTNAME_INVALID: [
      `the certificate is for ${names || 'other names'}, not for ${hostOf(url)}`,
      'Call it by a name that the certificate has, or add this name to the certificate.',
    ],
    ERR_TLS_HANDSHAKE_TIMEOUT: ['the port accepts connections, but does not answer the handshake'],
    ECONNRESET: ['the connection was closed during the handshake'],
  }
  return words[name] ?? ['no TLS connection could be made']
}

const INCOMPLETE: Words = [
  'the server does not send the certificates between its own and the authority',
  'Send the whole chain. Browsers find the missing ones by themselves, programs do not.',
]

const ago = (time = Date.now()): string => timeIn(Date.now() - time)

const factsOf = ({ address, ms, error, session }: Handshake) => ({
  address: address.address,
  ms,
  ...(session && {
    version: session.version,
    alpn: session.alpn ?? null,
    names: session.names,
    chain: session.chain.map(({ subject, validFrom, validTo }) => ({
      subject,
      valid_from: new Date(validFrom).toISOString(),
      valid_to: new Date(validTo).toISOString(),
    })),
  }),
  ...(error !== undefined && { error: nameOf(error), code: codeOf(error) }),
})
