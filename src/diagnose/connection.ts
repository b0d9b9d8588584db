import { connect } from 'node:net'
import type { Code } from '../errors/codes.js'
import { type Address, at } from './call.js'
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
import { timeIn } from './words.js'

/** How the attempt to connect to one address ended. */
interface Attempt {
  readonly address: Address
  readonly ms: number
  readonly error?: unknown
}

/** The addresses that can be connected to. */
export interface Connected {
  readonly report: StepReport
  readonly addresses: readonly Address[]
}

/** What it looks like from here, by code. */
const LOOKS: Partial<Record<Code, string>> = {
  upstream_refused: 'refused: the host is up, and nothing listens at the port',
  upstream_connect_timeout: 'no answer: a firewall drops the packets, or the host is down',
  upstream_unreachable: 'unreachable: there is no way from here to this address',
  upstream_connection_lost: 'reset while connecting',
}

/** This machine has no way for the whole family, which says nothing about the server. */
const NO_FAMILY = new Set(['ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT'])

/** Connects to each address by itself, all at once. */
export async function connectEach(
  addresses: readonly Address[],
  port: number,
  timeout: number,
): Promise<Connected> {
  const startedAt = performance.now()
  const attempts = await Promise.all(addresses.map((each) => attempt(each, port, timeout)))
  const good = attempts.filter(({ error }) => error === undefined)
  const findings =
    good.length === 0
      ? [allFailed(attempts, port), ...attempts.slice(1).map((each) => note(lookOf(each, port)))]
      : attempts.map((each) => findingOf(each, port))
  const facts = {
    attempts: attempts.map(({ address, ms, error }) => ({
      address: address.address,
      port,
      ms,
      ...(error !== undefined && { error: nameOf(error), code: codeOf(error) }),
    })),
  }
  return {
    report: reportOf('connection', startedAt, findings, facts),
    addresses: good.map(({ address }) => address),
  }
}

function attempt(address: Address, port: number, timeout: number): Promise<Attempt> {
  const startedAt = performance.now()
  return new Promise((resolve) => {
    const socket = connect({ host: address.address, port })
    const end = (error?: unknown) => {
      socket.destroy()
      clearTimeout(timer)
      resolve({ address, ms: since(startedAt), ...(error !== undefined && { error }) })
    }
    const timer = setTimeout(end, timeout, { code: 'ERR_SOCKET_CONNECTION_TIMEOUT' })
    socket.once('connect', () => end()).once('error', end)
  })
}

/** Of several that failed, the tables choose the one that tells most. */
function allFailed(attempts: readonly Attempt[], port: number): Finding {
  const errors = attempts.map(({ error }) => error)
  const code = attempts.length === 1 ? codeOf(errors[0]) : codeOf({ errors })
  const first = attempts.find(({ error }) => codeOf(error) === code) ?? attempts[0]
  return fault(code, first === undefined ? 'there is no address' : lookOf(first, port))
}

function lookOf({ address, ms, error }: Attempt, port: number): string {
  const look = LOOKS[codeOf(error)] ?? 'failed'
  return `${at(address, port)} ${look} (${nameOf(error)}, ${timeIn(ms)})`
}

/** One of several addresses, another of which is good. */
function findingOf(attempted: Attempt, port: number): Finding {
  const { address, ms, error } = attempted
  if (error === undefined) return note(`${at(address, port)} connected in ${timeIn(ms)}`)
  if (NO_FAMILY.has(nameOf(error)))
    return warning(`this machine has no way to ${at(address, port)} (${nameOf(error)})`)
  const who = address.family === 6 ? 'clients that try IPv6 first' : 'clients that get this address'
  return fault(codeOf(error), `${lookOf(attempted, port)}; ${who} wait or fail`, {
    partial: true,
    fix: `Remove ${address.address} from the name, or let the server answer there.`,
  })
}
