import { getServers } from 'node:dns'
import { isIP } from 'node:net'
import { type Address, hostOf, type Limits, MOST_ADDRESSES } from './call.js'
import {
  codeOf,
  fault,
  type Finding,
  nameOf,
  note,
  reportOf,
  skipped,
  type StepReport,
  warning,
} from './finding.js'
import {
  askServer,
  askSystem,
  errorOf,
  hasAddresses,
  inWords,
  isBroken,
  reasonOf,
  type Records,
  type Resolved,
} from './resolver.js'
import { candidatesOf, proxyIn, type SystemNames, systemNames } from './system.js'
import { counted, timeIn } from './words.js'

/** The addresses to go on with. */
export interface Named {
  readonly report: StepReport
  readonly addresses: readonly Address[]
}

/** Most DNS servers that are asked. */
const MOST_SERVERS = 3

/** Looks up the name of the server, as the system does it and at each DNS server. */
export async function findName(url: URL, limits: Limits): Promise<Named> {
  const host = hostOf(url)
  const proxy = proxyFindings(url)
  const family = isIP(host)
  if (family === 4 || family === 6) return isAddress({ address: host, family }, proxy)
  const startedAt = performance.now()
  const system = await systemNames(host)
  const own = limits.resolvers.length > 0
  const servers = (own ? [...limits.resolvers] : getServers()).slice(0, MOST_SERVERS)
  const names = candidatesOf(host, system)
  const [local, ...asked] = await Promise.all([
    own ? undefined : askSystem(host, limits.timeout),
    ...servers.map((server) => askServer(server, names, limits.timeout)),
  ])
  const used = local ?? asked.find(hasAddresses) ?? asked[0]
  const findings = [
    ...(used ? [verdictOf(host, used)] : []),
    ...asked.flatMap((each) => serverFindings(each, used, isLocal(host, system))),
    ...systemFindings(host, system, names),
    ...proxy,
  ]
  const all = local === undefined ? asked : [local, ...asked]
  const facts = { hosts: system.hosts, search: system.search, answers: all.map(factsOf) }
  return {
    report: reportOf('name', startedAt, findings, facts),
    addresses: used ? addressesOf(used) : [],
  }
}

function isAddress(address: Address, proxy: readonly Finding[]): Named {
  const report = skipped('name', `${address.address} is an address`)
  const state = proxy.some(({ level }) => level === 'warning') ? 'warning' : report.state
  return {
    report: { ...report, state, findings: [...report.findings, ...proxy] },
    addresses: [address],
  }
}

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

function verdictOf(host: string, used: Resolved): Finding {
  const { A, AAAA, name } = used
  const ms = timeIn(Math.max(A.ms, AAAA.ms))
  if (!hasAddresses(used))
    return fault(codeOf(errorOf(used)), `${host} has no address: ${reasonOf(used)} (${ms})`, {
      fix: 'Check the spelling of the name, then its record, then the DNS server that was asked.',
    })
  const list = [...A.addresses, ...AAAA.addresses]
  const shown = list.slice(0, MOST_ADDRESSES).join(', ')
  const more = list.length > MOST_ADDRESSES ? ` and ${list.length - MOST_ADDRESSES} more` : ''
  const as = name === host ? '' : ` as ${name}`
  return note(`${host}${as} has ${counted(list.length, 'address')} (${ms}): ${shown}${more}`)
}

/** Names that DNS servers need not know. */
const isLocal = (host: string, { hosts }: SystemNames): boolean =>
  hosts.length > 0 || /(?:^|\.)localhost\.?$/i.test(host)

/** What one server says; a warning where another says otherwise, or one kind of client will wait. */
function serverFindings(each: Resolved, used: Resolved | undefined, local: boolean): Finding[] {
  const said = `the DNS server ${each.server}: ${inWords(each)}`
  if (used !== undefined && hasAddresses(used) !== hasAddresses(each))
    return [local ? note(said) : warning(`${said}, which is not what is said elsewhere`)]
  if (hasAddresses(each) && (isBroken(each.A) || isBroken(each.AAAA)))
    return [warning(`${said}; clients that ask for both wait or fail`)]
  return [note(said)]
}

function systemFindings(host: string, { hosts }: SystemNames, names: readonly string[]): Finding[] {
  const others = names.filter((name) => name !== host)
  return [
    ...(hosts.length > 0
      ? [note(`the hosts file of this machine has ${host}: ${hosts.join(', ')}`)]
      : []),
    ...(names[0] !== host && others.length > 0
      ? [note(`the name is short, so search domains are tried first: ${others.join(', ')}`)]
      : []),
  ]
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
