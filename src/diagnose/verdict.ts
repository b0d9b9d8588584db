import { type Cause, type Code, codes } from '../errors/codes.js'
import { type ApiCall, isSafe } from './call.js'
import type { Finding, StepReport } from './finding.js'
import { answersTo, type Evidence, type Question } from './questions.js'
import { plain } from './words.js'

/** What docs/problems.md says of a code: what happened, and what client and operator do about it. */
export type Advice = Readonly<Record<Code, readonly [string, string, string]>>

/** What it all comes to. */
export interface Verdict {
  readonly healthy: boolean
  /** One of our codes; undefined when all is well. */
  readonly code: Code | undefined
  readonly cause: Cause | undefined
  /** What is wrong, in a sentence. */
  readonly sentence: string
  /** What to do next, the most specific first. */
  readonly next: readonly string[]
  /** Whether the same call may be made again. */
  readonly retryable: boolean | undefined
  /** Seconds to wait before that. */
  readonly retryAfter: number | undefined
  /** The five questions with their answers. */
  readonly questions: Readonly<Record<Question, string>>
}

/** The fault that broke the call comes before those that only others will meet. */
function mainFault(steps: readonly StepReport[]): Finding | undefined {
  const faults = steps.flatMap(({ findings }) => findings).filter(({ level }) => level === 'fault')
  const whole = faults.filter(({ partial }) => partial !== true)
  return whole.find(({ telling }) => telling) ?? whole[0] ?? faults[0]
}

/** Weighs what the steps have found. */
export function verdictOf(evidence: Evidence, advice: Advice): Verdict {
  const { steps, source, call } = evidence
  const main = mainFault(steps)
  const code = main?.code
  const questions = answersTo(evidence, main)
  const warnings = steps.flatMap(({ findings }) => findings).filter(isWarning)
  const fixes = warnings.flatMap(({ fix }) => fix ?? [])
  if (main === undefined || code === undefined) {
    const isClean = warnings.length === 0
    const sentence = isClean ? 'All is well.' : 'The call went well; the warnings are worth a look.'
    return { healthy: true, ...NOTHING, sentence, next: fixes, questions }
  }
  const retryAfter = source?.waitMs === undefined ? undefined : Math.ceil(source.waitMs / 1000)
  return {
    healthy: false,
    code,
    cause: codes[code].cause,
    sentence: `${codes[code].title}: ${main.text}.`,
    next: [main.fix ?? [], advised(code, evidence, advice), fixes].flat(),
    retryable: source?.retryable ?? isRetryable(code, call),
    retryAfter,
    questions,
  }
}

/** Codes whose pages lead to the settings of this package. */
const OURS: ReadonlySet<Code> = new Set([
  'circuit_open',
  'concurrency_limit',
  'gateway_error',
  'gateway_misconfigured',
  'request_rejected',
  'route_not_found',
  'method_not_allowed',
  'upstream_error',
])

/** The page of the code; why another server refuses or fails, only that server knows. */
function advised(code: Code, { source }: Evidence, advice: Advice): string[] {
  const [, client, operator] = advice[code]
  const foreign = source?.ours === false && OURS.has(code)
  const asClient =
    foreign && code === 'request_rejected'
      ? 'Change the call by what the answer says.'
      : plain(client)
  const asOperator = foreign
    ? 'The logs have the reason; the time and the id of this call lead to it.'
    : plain(operator)
  return [`As the client: ${asClient}`, `As the operator: ${asOperator}`]
}

const isWarning = ({ level }: Finding): boolean => level === 'warning'

const NOTHING = {
  code: undefined,
  cause: undefined,
  retryable: undefined,
  retryAfter: undefined,
} as const

/** As the standard body says it of the code. */
function isRetryable(code: Code, call: ApiCall): boolean {
  const { retry } = codes[code]
  if (retry !== 'idempotent') return retry === 'safe'
  const repeatable = isSafe(call.method) || ['PUT', 'DELETE', 'TRACE'].includes(call.method)
  return repeatable || call.headers.some(([name]) => name.toLowerCase() === 'idempotency-key')
}
