import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { oneLine } from './words.js'

/** One certificate of a chain. */
export interface Certificate {
  readonly subject: string
  /** Milliseconds since 1970; so is the other. */
  readonly validFrom: number
  readonly validTo: number
}

const LONGEST_CHAIN = 10
const MOST_NAMES = 50

/** The certificates from the server's own up, as far as they are known. */
export function chainOf(first: PeerCertificate): Certificate[] {
  const chain: Certificate[] = []
  const seen = new Set<string>()
  let certificate: PeerCertificate | undefined = first
  while (certificate?.raw !== undefined && chain.length < LONGEST_CHAIN) {
    if (seen.has(certificate.fingerprint256)) break
    seen.add(certificate.fingerprint256)
    chain.push({
      subject: subjectOf(certificate),
      validFrom: Date.parse(certificate.valid_from),
      validTo: Date.parse(certificate.valid_to),
    })
    certificate = hasIssuer(certificate) ? certificate.issuerCertificate : undefined
  }
  return chain
}

const hasIssuer = (certificate: PeerCertificate): certificate is DetailedPeerCertificate =>
  'issuerCertificate' in certificate

/** Node's types leave out that a subject may be empty, or name a thing twice. */
function subjectOf({
  subject,
}: {
  subject?: Record<string, string | string[] | undefined> | object
}): string {
  const { CN, O } = (subject ?? {}) as Record<string, string | string[] | undefined>
  return oneLine([CN ?? O ?? 'without a name'].flat().join(' '))
}

/** The names and addresses that a certificate is for (RFC 5280, section 4.2.1.6). */
export function namesOf({ subjectaltname }: PeerCertificate): string[] {
  // Undefined where there are none, whatever the types say.
  const list = String(subjectaltname ?? '')
  return [...list.matchAll(/(?:DNS|IP Address):("(?:[^"\\]|\\.)*"|[^,]+)/g)]
    .slice(0, MOST_NAMES)
    .map(([, name = '']) => oneLine(name))
}
