import { getServers, Resolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import { type Address, hostOf, type Limits, MOST_ADDRESSES } from './call.js'
import { LATE, within } from './deadline.js'
import {
  codeOf,
  fault,
  type Finding,
  nameOf,
  note,
  reportOf,
  since,
  skipped,
  type StepReport,
  warning,
} from './finding.js'
import { lookUp, TOO_LATE } from './lookup.js'
import { candidatesOf, proxyIn, type SystemNames, systemNames } from './system.js'
import { counted, timeIn } from './words.js'

/** What a server, or the system, says of a name. */
interface Resolved {
  /** The server that was asked; undefined for the system's own way. */
  readonly server: string | undefined
  /** The name that was asked for: search domains may stand behind the given one. */
  readonly name: string
  readonly A: Records
  readonly AAAA: Records
}

/** The addresses of one family, or why there are none. */
interface Records {
  readonly addresses: readonly string[]
  readonly ms: number
  readonly error?: unknown
}

/** The addresses to go on with. */
export interface Named {
  readonly report: StepReport
  readonly addresses: readonly Address[]
}

/** Most DNS servers that are asked. */
const MOST_SERVERS = 3

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

/** Looks up the name of the server, as the system does it and at each DNS server. */
export async function findName(url: URL, limits: Limits): Promise<Named> {
  const host = hostOf(url)
  const proxy = proxyFindings(url)
  const family = isIP(host)
  if (family === 4 || family === 6) {
    const report = skipped('name', `${host} is an address`)
    const state = proxy.some(({ level }) => level === 'warning') ? 'warning' : report.state
    return {
      report: { ...report, state, findings: [...report.findings, ...proxy] },
      addresses: [{ address: host, family }],
    }
  }
  const startedAt = performance.now()
  const system = await systemNames(host)
  const own = limits.resolvers.length > 0
  const servers = (own ? [...limits.resolvers] : getServers()).slice(0, MOST_SERVERS)
  const [local, ...asked] = await Promise.all([
    own ? undefined : systemLookup(host, limits.timeout),
    ...servers.map((server) => askServer(server, candidatesOf(host, system), limits.timeout)),
  ])
  const used = local ?? asked.find(hasAddresses) ?? asked[0]
  const all = local === undefined ? asked : [local, ...asked]
  const findings = [
    ...(used ? [verdictOf(host, used)] : []),
    ...all.flatMap((each) => differences(host, each, { used, isLocal: isLocal(host, system) })),
    ...hostsFindings(host, system),
    ...proxy,
  ]
  const facts = { hosts: system.hosts, search: system.search, answers: all.map(factsOf) }
  return {
    report: reportOf('name', startedAt, findings, facts),
    addresses: used ? addressesOf(used) : [],
  }
}

const hasAddresses = ({ A, AAAA }: Resolved): boolean =>
  A.addresses.length + AAAA.addresses.length > 0

/** In turns, so that the bound leaves some of each family. */
function addressesOf({ A, AAAA }: Resolved): Address[] {
  const most = Math.max(A.addresses.length, AAAA.addresses.length)
  return Array.from({ length: most }, (_, index): Address[] => [
    ...A.addresses.slice(index, index + 1).map((address) => ({ address, family: 4 as const })),
    ...AAAA.addresses.slice(index, index + 1).map((address) => ({ address, family: 6 as const })),
  ])
    .flat()
    .slice(0, MOST_ADDRESSES)
}

/** As getaddrinfo does it, and so Node's own clients: with the hosts file and the search domains. */
async function systemLookup(host: string, timeout: number): Promise<Resolved> {
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
async function askServer(
  server: string,
  names: readonly string[],
  timeout: number,
): Promise<Resolved> {
  const resolver = new Resolver({ timeout: Math.ceil(timeout / 2), tries: 2 })
  resolver.setServers([server])
  const until = performance.now() + timeout
  let last: Resolved | undefined
  for (const name of names) {
    const left = until - performance.now()
    if (last !== undefined && left <= 0) break
    const [A, AAAA] = await Promise.all([
      records(resolver.resolve4(name), left),
      records(resolver.resolve6(name), left),
    ])
    const found = { server, name, A, AAAA }
    if (hasAddresses(found)) return found
    // What is said of the name as it was given tells more than what is said of a search domain.
    last = last === undefined || name === names[0] || names.at(-1) === name ? found : last
  }
  resolver.cancel()
  return last ?? { server, name: names[0] ?? '', A: late(timeout), AAAA: late(timeout) }
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

/** The error that speaks for both families: that there is no record says less than any other. */
function errorOf({ A, AAAA }: Resolved): unknown {
  const isEmpty = nameOf(A.error) === 'ENODATA' || A.error === undefined
  return isEmpty ? (AAAA.error ?? A.error) : A.error
}

function verdictOf(host: string, used: Resolved): Finding {
  const { A, AAAA, name } = used
  const ms = timeIn(Math.max(A.ms, AAAA.ms))
  if (hasAddresses(used)) {
    const list = [...A.addresses, ...AAAA.addresses]
    const shown = list.slice(0, MOST_ADDRESSES).join(', ')
    const more = list.length > MOST_ADDRESSES ? ` and ${list.length - MOST_ADDRESSES} more` : ''
    const as = name === host ? '' : ` as ${name}`
    return note(`${host}${as} has ${counted(list.length, 'address')} (${ms}): ${shown}${more}`)
  }
  const error = errorOf(used)
  const ofSystem = used.server === undefined && nameOf(error) === 'ENOTFOUND'
  const said = ofSystem ? NOT_FOUND : saidOf(error)
  return fault(codeOf(error), `${host} has no address: ${said} (${ms})`, {
    fix: 'Check the spelling of the name, then its record, then the DNS server that was asked.',
  })
}

const saidOf = (error: unknown): string =>
  error === undefined ? 'no record' : (ANSWERS[nameOf(error)] ?? nameOf(error))

/** Names that DNS servers need not know. */
const isLocal = (host: string, { hosts }: SystemNames): boolean =>
  hosts.length > 0 || /(?:^|\.)localhost\.?$/i.test(host)

interface Compared {
  /** Whose addresses are used. */
  readonly used: Resolved | undefined
  readonly isLocal: boolean
}

/** What a server says that another does not, or that one kind of client will meet. */
function differences(host: string, each: Resolved, { used, isLocal: local }: Compared): Finding[] {
  const server = each.server ?? 'the system'
  if (each !== used && used !== undefined && hasAddresses(used) !== hasAddresses(each)) {
    const said = hasAddresses(each)
      ? `has ${[...each.A.addresses, ...each.AAAA.addresses].join(', ')}`
      : saidOf(errorOf(each))
    const text = `the DNS server ${server} says otherwise: ${said}`
    return [local ? note(text) : warning(text)]
  }
  if (!hasAddresses(each)) {
    return each === used ? [] : [note(`the DNS server ${server}: ${saidOf(errorOf(each))}`)]
  }
  // A name without a record of one family is usual.
  return (['A', 'AAAA'] as const).flatMap((family) => {
    const { error } = each[family]
    if (error === undefined || nameOf(error) === 'ENODATA') return []
    const text = `${server} answers the question for ${family} of ${host} with ${saidOf(error)}`
    return [warning(`${text}; clients that ask for both wait or fail`)]
  })
}

function hostsFindings(host: string, { hosts }: SystemNames): Finding[] {
  if (hosts.length === 0) return []
  return [note(`the hosts file of this machine has ${host}: ${hosts.join(', ')}`)]
}

function proxyFindings(url: URL): Finding[] {
  const found = proxyIn(process.env, url)
  if (found === undefined) return []
  const { variable, proxy, excepted } = found
  if (excepted) return [note(`${variable} names a proxy, and NO_PROXY excepts this host`)]
  const who = 'curl and Python go through it, this command and most of Node do not'
  return [warning(`${variable} names the proxy ${proxy}: ${who}`)]
}

const factsOf = ({ server, name, A, AAAA }: Resolved) => ({
  server: server ?? 'system',
  name,
  A: recordFacts(A),
  AAAA: recordFacts(AAAA),
})

const recordFacts = ({ addresses, ms, error }: Records) => ({
  addresses,
  ms,
  ...(error !== undefined && { error: nameOf(error) }),
})
