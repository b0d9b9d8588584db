import { sourceOf, type Source, withStreamError } from './answer.js'
import {
  type Address,
  type ApiCall,
  isSecure,
  type Limits,
  MOST_REDIRECTS,
  portOf,
} from './call.js'
import { connectEach } from './connection.js'
import {
  fault,
  type Finding,
  note,
  reportOf,
  skipped,
  type StepName,
  type StepReport,
  STEPS,
  warning,
} from './finding.js'
import { makeCall } from './http.js'
import { findName } from './name.js'
import { type Contract, decode, inspect } from './payload.js'
import { nextCall, type Redirection } from './redirect.js'
import { secureEach } from './tls.js'
import { type Advice, type Verdict, verdictOf } from './verdict.js'
import type { Answer } from './received.js'
import { oneLine } from './words.js'

/** What the caller brings to a diagnosis, beside the call. */
export interface Means {
  readonly limits: Limits
  readonly contract: Contract
  readonly advice: Advice
}

/** Everything that a diagnosis has found. */
export interface Diagnosis {
  /** The last call, behind all redirections. */
  readonly call: ApiCall
  readonly redirections: readonly Redirection[]
  readonly steps: readonly StepReport[]
  readonly verdict: Verdict
}

/** One call with its steps, as far as they led. */
interface Walk {
  readonly steps: readonly StepReport[]
  readonly answer: Answer | undefined
  readonly source: Source | undefined
}

/** Walks the steps for a call, and for those that its redirections lead to. Never rejects for a fault. */
export async function diagnose(first: ApiCall, means: Means): Promise<Diagnosis> {
  const redirections: Redirection[] = []
  const seen = new Set<string>()
  let call = first
  for (;;) {
    const time = new Date()
    const walk = await walkSteps(call, means)
    seen.add(keyOf(call))
    const next = walk.answer && nextCall(call, walk.answer)
    if (next) redirections.push(next.redirection)
    const loops = next !== undefined && seen.has(keyOf(next.call))
    if (next !== undefined && !loops && redirections.length <= MOST_REDIRECTS) {
      call = next.call
      continue
    }
    const found = redirections.flatMap(describe)
    if (next !== undefined) found.push(loopOf(redirections, loops))
    const steps = withFindings(walk.steps, 'http', found)
    const verdict = verdictOf({ call, steps, source: walk.source, time }, means.advice)
    return { call, redirections, steps, verdict }
  }
}

const keyOf = ({ method, url }: ApiCall): string => `${method} ${url.href}`

const describe = ({ status, to, loses }: Redirection): Finding[] => [
  note(`redirected (${status}) to ${oneLine(to)}`),
  ...loses.map((text) => warning(text)),
]

function loopOf(redirections: readonly Redirection[], loops: boolean): Finding {
  const to = oneLine(redirections.at(-1)?.to ?? '')
  const text = loops
    ? `the redirections go in a circle: ${to} comes again`
    : `more than ${MOST_REDIRECTS} redirections, the last to ${to}`
  const cookies = redirections.some(({ givesCookie }) => givesCookie)
  const cookieless = cookies ? '; clients that keep cookies may get through' : ''
  return fault('loop_detected', text + cookieless, {
    fix: 'Look at who redirects: http to https on both sides, or a final slash that comes and goes.',
  })
}

function withFindings(
  steps: readonly StepReport[],
  name: StepName,
  added: readonly Finding[],
): StepReport[] {
  return steps.map((each) => {
    if (each.step !== name || added.length === 0) return each
    const { state } = reportOf(name, 0, [...each.findings, ...added])
    return { ...each, state, findings: [...added, ...each.findings] }
  })
}

async function walkSteps(call: ApiCall, means: Means): Promise<Walk> {
  const { url } = call
  const { timeout } = means.limits
  const steps: StepReport[] = []
  const stop = (why: string): Walk => ({
    steps: [...steps, ...STEPS.slice(steps.length).map((step) => skipped(step, why))],
    answer: undefined,
    source: undefined,
  })
  const named = await findName(url, means.limits)
  steps.push(named.report)
  if (named.addresses.length === 0) return stop('not reached: there is no address')
  const connected = await connectEach(named.addresses, portOf(url), timeout)
  steps.push(connected.report)
  if (connected.addresses.length === 0) return stop('not reached: there is no connection')
  let [address] = connected.addresses
  if (isSecure(url)) {
    const secured = await secureEach(connected.addresses, url, timeout)
    steps.push(secured.report)
    ;[address] = secured.addresses
  } else steps.push(skipped('tls', 'not used: the URL says http:'))
  if (address === undefined)
    return stop('not reached: nothing is sent to a server that has not proved who it is')
  return callAt(address, call, steps, means)
}

async function callAt(
  address: Address,
  call: ApiCall,
  before: readonly StepReport[],
  { limits, contract }: Means,
): Promise<Walk> {
  const { report, answer, answered } = await makeCall(address, call, limits)
  const decoded = await decode(answer)
  if (!answered) {
    const { report: payload } = inspect(call, undefined, decoded, contract)
    const nobody = skipped('answer', 'there is none')
    return { steps: [...before, report, nobody, payload], answer: undefined, source: undefined }
  }
  const payload = inspect(call, answer, decoded, contract)
  const source = withStreamError(sourceOf(answer, decoded.bytes), payload.error)
  return { steps: [...before, report, source.report, payload.report], answer, source }
}
