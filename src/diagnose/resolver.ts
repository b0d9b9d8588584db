import { Resolver } from 'node:dns/promises'
import { LATE, within } from './deadline.js'
import { nameOf, since } from './finding.js'
import { lookUp, TOO_LATE } from './lookup.js'
import { timeIn } from './words.js'

/** What a DNS server, or the system, says of a name. */
export interface Resolved {
  /** The server that was asked; undefined for the system's own way. */
  readonly server: string | undefined
  /** The name that was asked for: search domains may stand behind the given one. */
  readonly name: string
  readonly A: Records
  readonly AAAA: Records
}

/** The addresses of one family, or why there are none. */
export interface Records {
  readonly addresses: readonly string[]
  readonly ms: number
  readonly error?: unknown
}

/** What DNS servers say, in the words of RFC 1035 and RFC 8499. */
const ANSWERS: Readonly<Record<string, string>> = {
  ENOTFOUND: 'NXDOMAIN: the name does not exist',
  ENODATA: 'no record',
  ESERVFAIL: 'SERVFAIL: the server could not find out',
  EREFUSED: 'REFUSED: the server does not answer for this name, or not for us',
  EFORMERR: 'FORMERR: the server did not understand the question',
  ENOTIMP: 'NOTIMP: the server does not know this kind of question',
  ETIMEOUT: 'no answer in time',
  ECONNREFUSED: 'nothing answers DNS there',
  EAI_AGAIN: 'the DNS servers of the system do not answer now',
}
/** getaddrinfo does not tell the two apart. */
const NOT_FOUND = 'the name does not exist, or has no address'

const said = (error: unknown): string =>
  error === undefined ? 'no record' : (ANSWERS[nameOf(error)] ?? nameOf(error))

/** Whether a name has any address. */
export const hasAddresses = ({ A, AAAA }: Resolved): boolean =>
  A.addresses.length + AAAA.addresses.length > 0

/** Whether one family could not be asked for; that it has no record is usual. */
export const isBroken = ({ error }: Records): boolean =>
  error !== undefined && nameOf(error) !== 'ENODATA'

/** The error that speaks for both families: that there is no record says less than any other. */
export const errorOf = ({ A, AAAA }: Resolved): unknown =>
  isBroken(A) ? A.error : (AAAA.error ?? A.error)

/** Why there is no address, in words. */
export function reasonOf(resolved: Resolved): string {
  const error = errorOf(resolved)
  const bySystem = resolved.server === undefined && nameOf(error) === 'ENOTFOUND'
  return bySystem ? NOT_FOUND : said(error)
}

/** What a server says of each family, in words: `A 192.0.2.1, AAAA no record (4 ms)`. */
export function inWords(resolved: Resolved): string {
  const { A, AAAA } = resolved
  const ms = timeIn(Math.max(A.ms, AAAA.ms))
  if (!hasAddresses(resolved) && nameOf(A.error) === nameOf(AAAA.error))
    return `${said(A.error)} (${ms})`
  const of = ({ addresses, error }: Records): string =>
    addresses.length > 0 ? addresses.slice(0, MOST_SHOWN).join(' ') : said(error)
  return `A ${of(A)}, AAAA ${of(AAAA)} (${ms})`
}

const MOST_SHOWN = 8

/** As getaddrinfo does it, and so Node's own clients: with the hosts file and the search domains. */
export async function askSystem(host: string, timeout: number): Promise<Resolved> {
  const { addresses, error, ms } = await lookUp(host, timeout)
  const of = (family: number): Records => ({
    addresses: addresses.filter((each) => each.family === family).map(({ address }) => address),
    ms,
    ...(error !== undefined && { error }),
  })
  return { server: undefined, name: host, A: of(4), AAAA: of(6) }
}

const late = (ms: number): Records => ({ addresses: [], ms, error: TOO_LATE })

/** Asks one server for each name that the system would ask for, until one has an address. */
export async function askServer(
  server: string,
  names: readonly string[],
  timeout: number,
): Promise<Resolved> {
  const resolver = new Resolver({ timeout: Math.ceil(timeout / 2), tries: 2 })
  resolver.setServers([server])
  const until = performance.now() + timeout
  const asked: Resolved[] = []
  for (const name of names) {
    const left = until - performance.now()
    if (left <= 0) break
    const [A, AAAA] = await Promise.all([
      records(resolver.resolve4(name), left),
      records(resolver.resolve6(name), left),
    ])
    asked.push({ server, name, A, AAAA })
    if (A.addresses.length + AAAA.addresses.length > 0) break
  }
  resolver.cancel()
  // What is said of the name as it was given tells more than what is said of a search domain.
  const given = asked.find(({ name }) => names.every((each) => each.startsWith(name)))
  return (
    asked.find(hasAddresses) ??
    given ??
    asked[0] ?? { server, name: names[0] ?? '', A: late(timeout), AAAA: late(timeout) }
  )
}

async function records(query: Promise<string[]>, timeout: number): Promise<Records> {
  const startedAt = performance.now()
  const found = await within(
    timeout,
    query.catch((error: unknown) => ({ error })),
  )
  const ms = since(startedAt)
  if (found === LATE) return late(ms)
  return Array.isArray(found) ? { addresses: found, ms } : { addresses: [], ms, ...found }
}
