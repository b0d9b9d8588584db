import type { Code } from '../errors/codes.js'
import { classify } from '../failures/classify.js'
import { oneLine } from './words.js'

/** The steps, in the order in which they are walked. */
export const STEPS = ['name', 'connection', 'tls', 'http', 'answer', 'payload'] as const

/** One of the steps. */
export type StepName = (typeof STEPS)[number]

/** One thing that a step has found. */
export interface Finding {
  /** `fault`: a problem; `warning`: it may be one, for others or later; `note`: a fact. */
  readonly level: 'fault' | 'warning' | 'note'
  /** What was found, in one sentence. */
  readonly text: string
  /** What a fault is in our words. */
  readonly code?: Code
  /** What to do about it, where that is more than the page of the code says. */
  readonly fix?: string
  /** Whether the call itself went well: others of its kind will fail. */
  readonly partial?: boolean
  /** Whether it explains the other faults. */
  readonly telling?: boolean
}

/** What one step has found. */
export interface StepReport {
  readonly step: StepName
  readonly state: 'ok' | 'warning' | 'fault' | 'skipped'
  /** Milliseconds that it took. */
  readonly ms: number
  readonly findings: readonly Finding[]
  /** The same for programs, with what was measured. */
  readonly facts: Readonly<Record<string, unknown>>
}

/** Something to know. */
export const note = (text: string): Finding => ({ level: 'note', text })

/** Something that may become a problem. */
export const warning = (text: string, fix?: string): Finding => ({
  level: 'warning',
  text,
  ...(fix !== undefined && { fix }),
})

/** Something that is one. */
export const fault = (
  code: Code,
  text: string,
  more: Pick<Finding, 'fix' | 'partial' | 'telling'> = {},
): Finding => ({ level: 'fault', text, code, ...more })

/** Puts the report of a step together; its state is that of its worst finding. */
export function reportOf(
  step: StepName,
  startedAt: number,
  findings: readonly Finding[],
  facts: Readonly<Record<string, unknown>> = {},
): StepReport {
  const levels = findings.map(({ level }) => level)
  const worst = (['fault', 'warning'] as const).find((level) => levels.includes(level))
  return { step, state: worst ?? 'ok', ms: since(startedAt), findings, facts }
}

/** The report of a step that was not walked. */
export const skipped = (step: StepName, text: string): StepReport => ({
  step,
  state: 'skipped',
  ms: 0,
  findings: [note(text)],
  facts: {},
})

/** Whole milliseconds since a time of the monotonic clock. */
export const since = (startedAt: number): number => Math.round(performance.now() - startedAt)

/** The code of a low-level error in the tables of the gateway. */
export const codeOf = (error: unknown): Code => classify(error)?.code ?? 'upstream_error'

/** The code that Node gave an error, for those who look it up; its message where it has none. */
export function nameOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error)
  const { code, message } = error as { code?: unknown; message?: unknown }
  return typeof code === 'string' ? code : oneLine(String(message ?? 'unknown error'))
}
