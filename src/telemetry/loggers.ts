import type { Fields } from './log-fields.js'

export type Level = 'error' | 'warn' | 'info'

/** A logger of pino or winston, or `console`. */
export interface ProblemLogger {
  readonly error: (...args: never[]) => unknown
  readonly warn: (...args: never[]) => unknown
  readonly info: (...args: never[]) => unknown
}

/** Writes one line. */
export type Write = (level: Level, message: string, fields: Fields) => void

/**
 * How a logger takes a line: pino the fields first, winston the message first, and `console` one text.
 *
 * @throws {TypeError} when it is no logger.
 */
export function writerOf(logger: ProblemLogger): Write {
  const given: unknown = logger
  if (!LEVELS.every((level) => typeof memberOf(given, level) === 'function'))
    throw new TypeError('logProblems: pass a logger of pino or winston, or console')
  return (level, message, fields) => {
    Reflect.apply(logger[level], logger, argumentsFor(logger, level, message, fields))
  }
}

const LEVELS: readonly Level[] = ['error', 'warn', 'info']

function argumentsFor(
  logger: ProblemLogger,
  level: Level,
  message: string,
  fields: Fields,
): readonly unknown[] {
  // A line of its own for each, whatever is in it: `console` would spread an object over several.
  if (memberOf(logger, 'table')) return [JSON.stringify({ level, message, ...fields })]
  const isWinston = memberOf(logger, 'transports') !== undefined
  return isWinston ? [message, fields] : [fields, message]
}

const memberOf = (value: unknown, name: string): unknown =>
  (typeof value === 'object' && value !== null) || typeof value === 'function'
    ? Reflect.get(value, name)
    : undefined
