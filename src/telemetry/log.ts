import { type Check, checkedOptions, count, oneOf, time } from '../common/options.js'
import type { CircuitEvent, ProblemEvent } from '../common/event-shapes.js'
import { listen } from '../common/events.js'
import { type CodeRow, codes } from '../errors/codes.js'
import { type CommonFields, fieldNames } from './log-fields.js'
import { type Level, type ProblemLogger, writerOf } from './loggers.js'
import { Sampler } from './sampler.js'

/** Options of `logProblems`. */
export interface LogOptions {
  /** Problems of one code and upstream that are written in each `per`; the rest is counted. @defaultValue `10` */
  readonly burst?: number
  /** Milliseconds. @defaultValue `1000` */
  readonly per?: number
  /**
   * How the fields are called: `plain` as in `onError`, `ecs` as in the Elastic Common Schema, `otel` as
   * in the conventions of OpenTelemetry.
   *
   * @defaultValue `'plain'`
   */
  readonly fields?: 'plain' | 'ecs' | 'otel'
}

// prettier-ignore
const CHECKS: Record<keyof LogOptions, Check> = {
  burst: count,
  per: time,
  fields: oneOf('plain', 'ecs', 'otel'),
}

/**
 * Writes problems and changes of circuits to a logger, from now on and for the whole process: `error`
 * from 500 on, `warn` for what a circuit or a limit refuses, `info` for the rest. Where one code of one
 * upstream comes often, the first are written, and then one line that says how many were `suppressed`.
 *
 * No line has a query string, credentials or cookies in it.
 *
 * @param logger - One of pino, one of winston, or `console`.
 * @throws {TypeError} when it is none, or an option is wrong.
 * @example
 * logProblems(pino())
 */
export function logProblems(logger: ProblemLogger, options: LogOptions = {}): { stop(): void } {
  const { burst, per, fields } = {
    burst: 10,
    per: 1000,
    fields: 'plain' as const,
    ...checkedOptions('logProblems', options, CHECKS),
  }
  const write = writerOf(logger)
  const names = fieldNames[fields]
  const sampler = new Sampler<CommonFields>(burst, per, (kind, suppressed) =>
    write(levelOf(kind), restOf(kind, suppressed), { ...names.common(kind), suppressed }),
  )
  const stop = listen({
    problem: (problem) => {
      if (sampler.take(keyOf(problem), kindOf(problem)))
        write(levelOf(problem), messageOf(problem), names.problem(problem))
    },
    circuit: (change) => write(levelOfChange(change), changeOf(change), names.circuit(change)),
  })
  return {
    stop() {
      stop()
      sampler.stop()
    },
  }
}

const keyOf = ({ code, upstream = '', reported }: ProblemEvent): string =>
  `${code}\0${upstream}\0${reported}`

/** What all problems of one key have in common. */
const kindOf = ({ code, cause, status, upstream, reported }: ProblemEvent): CommonFields => ({
  code,
  cause,
  status,
  upstream,
  reported,
})

const rows: Readonly<Record<string, CodeRow | undefined>> = codes

/** A refusal is no failure of its own: what has opened the circuit was told before. */
function levelOf({ code, status, reported }: CommonFields): Level {
  if (status < 500) return 'info'
  return reported || rows[code]?.waits === true ? 'warn' : 'error'
}

function messageOf({ code, detail, reported }: ProblemEvent): string {
  return `${code}${reported ? ' (only reported)' : ''}: ${detail}`
}

const restOf = ({ code, upstream }: CommonFields, suppressed: number): string =>
  `${code}${upstream === undefined ? '' : ` of ${upstream}`}: ${suppressed} more, not written`

const levelOfChange = ({ to }: CircuitEvent): Level =>
  to === 'open' || to === 'held' ? 'warn' : 'info'

/** The key is left out: it may be what a client has authenticated with. */
const changeOf = ({ name, from, to, reason }: CircuitEvent): string =>
  `circuit ${name}: ${from} to ${to} (${reason})`
