import { AHEAD, LONGEST_ROW } from './script.js'

/** What the fleet knows of one circuit: a field of the hash, and a message of the channel. */
export interface Row {
  readonly id: string
  /** Each change has a higher one than that before. */
  readonly gen: number
  readonly state: 'open' | 'closed' | 'held'
  /** The end of the wait, in milliseconds of the store's time. */
  readonly ends: number
  /** Milliseconds that it was opened for. */
  readonly wait: number
  /** How many times in a row it has opened. */
  readonly inRow: number
  /** The member that has said it. */
  readonly by: string
  /** Whether an operator has done it. */
  readonly hand: boolean
}

const VERSION = 1
/** Milliseconds. */
const LONGEST_WAIT = 300_000
const MOST_IN_ROW = 30
const LONGEST_NAME = 200

/**
 * Reads a row, whoever has written it; undefined where it is none, or of another version.
 *
 * @param now - milliseconds of the store's time; no wait is taken for longer than five minutes.
 */
export function readRow(text: string, now: number): Row | undefined {
  if (text.length > LONGEST_ROW) return undefined
  const { v, id, gen, state, ends, wait, inRow, by, hand } = objectIn(text)
  if (v !== VERSION || !isName(id) || !isName(by) || !isState(state)) return undefined
  if (!isNumber(gen) || !isNumber(ends) || !isNumber(wait) || !isNumber(inRow)) return undefined
  if (!Number.isSafeInteger(gen) || gen > now + AHEAD) return undefined
  const longest = between(1, wait, LONGEST_WAIT)
  return {
    id,
    by,
    state,
    gen,
    ends: Math.min(ends, now + longest),
    wait: longest,
    inRow: between(1, inRow, MOST_IN_ROW),
    hand: hand === true,
  }
}

function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

const isState = (value: unknown): value is Row['state'] =>
  value === 'open' || value === 'closed' || value === 'held'
const isName = (value: unknown): value is string =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME
const isNumber = (value: unknown): value is number => Number.isFinite(value)
const between = (least: number, value: number, most: number): number =>
  Math.round(Math.min(Math.max(value, least), most))
