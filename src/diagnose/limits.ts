import { waitIn } from '../common/retry-after.js'
import { timeIn } from './words.js'
import type { Answer } from './received.js'

/** One limit on the rate of requests, as an answer tells it. */
export interface RateLimit {
  /** What is counted, as the field names it: `requests`, `tokens`, `minute`; empty for the only one. */
  readonly scope: string
  readonly limit?: number
  readonly remaining?: number
  /** Milliseconds until it starts anew. */
  readonly resetMs?: number
}

type Kind = 'limit' | 'remaining' | 'resetMs'
type Fields = Pick<Answer, 'rawHeaders'>

const KINDS: Readonly<Record<string, Kind>> = {
  limit: 'limit',
  remaining: 'remaining',
  reset: 'resetMs',
  resettime: 'resetMs',
}

/** Parts of names that say nothing about what is counted. */
const SILENT = new Set(['x', 'ms', 'ratelimit', 'after', 'anthropic', 'api', 'call'])

/** Fields with the milliseconds to wait, or with what `Retry-After` has. */
const WAITS = ['retry-after-ms', 'x-ms-retry-after-ms', 'retry-after', 'x-retry-after'] as const

/** The milliseconds that an answer asks to wait, by the most exact of its fields. */
export function waitOf({ rawHeaders }: Fields): number | undefined {
  const waits = WAITS.map((name) => {
    const value = pairsOf(rawHeaders).find(([each]) => each === name)?.[1]
    if (value === undefined) return undefined
    return name.endsWith('-ms') ? numberIn(value) : waitIn(value)
  })
  const wait = waits.find((each) => each !== undefined)
  return wait === undefined ? undefined : Math.max(wait, 0)
}

/** All limits that the fields of an answer tell, whichever way they are spelled. */
export function limitsIn({ rawHeaders }: Fields): RateLimit[] {
  const found = new Map<string, RateLimit>()
  const add = (scope: string, kind: Kind, value: number | undefined) => {
    if (value === undefined) return
    const known = found.get(scope) ?? { scope }
    // The first of several values is the one of the policy that is closest.
    if (known[kind] === undefined) found.set(scope, { ...known, [kind]: value })
  }
  for (const [name, value] of pairsOf(rawHeaders)) {
    const plain = name.replaceAll('rate-limit', 'ratelimit')
    if (plain === 'ratelimit' || plain === 'ratelimit-policy') readStandard(value, add)
    else if (plain.includes('ratelimit')) readNamed(plain, value, add)
    else if (plain.endsWith('api-call-limit')) readFraction(value, add)
  }
  return [...found.values()]
}

/** Characters of a value that are read. */
const LONGEST = 1000

type Add = (scope: string, kind: Kind, value: number | undefined) => void

function pairsOf(rawHeaders: readonly string[]): [string, string][] {
  return rawHeaders.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name.toLowerCase(), rawHeaders[index + 1]?.slice(0, LONGEST) ?? '']] : [],
  )
}

/**
 * `RateLimit: "default";r=0;t=30` and `RateLimit-Policy: "default";q=100;w=60`, and what a draft before
 * had: `RateLimit: limit=100, remaining=0, reset=30` (draft-ietf-httpapi-ratelimit-headers).
 */
function readStandard(value: string, add: Add): void {
  const draft = [...value.matchAll(/\b(limit|remaining|reset)\s*=\s*(\d+)/g)]
  for (const [, name = '', number = ''] of draft)
    add('', KINDS[name] ?? 'limit', name === 'reset' ? Number(number) * 1000 : Number(number))
  if (draft.length > 0) return
  for (const [, name = '', parameters = ''] of value.matchAll(/"?([\w.-]*)"?((?:\s*;[^,;]*)+)/g))
    readPolicy(name, parameters, add)
}

function readPolicy(name: string, parameters: string, add: Add): void {
  const read = (key: string): number | undefined =>
    numberIn(new RegExp(`;\\s*${key}=(\\d+)`).exec(parameters)?.[1] ?? '')
  // Before policies had names, the number stood in their place.
  const quota = numberIn(name)
  add(quota === undefined ? name : '', 'limit', read('q') ?? quota)
  add(name, 'remaining', read('r'))
  const left = read('t')
  add(name, 'resetMs', left === undefined ? undefined : left * 1000)
}

/** `X-RateLimit-Remaining`, `x-ratelimit-reset-tokens`, `anthropic-ratelimit-requests-limit`, … */
function readNamed(name: string, value: string, add: Add): void {
  const words = name.split('-')
  const word = words.find((each) => Object.hasOwn(KINDS, each))
  if (word === undefined) return
  const kind = KINDS[word] ?? 'limit'
  const scope = words.filter((each) => each !== word && !SILENT.has(each)).join(' ')
  if (kind === 'resetMs') return add(scope, kind, resetIn(value, words.includes('after')))
  const [, number, window] = /^\s*"?(\d+(?:\.\d+)?)"?(?:\s*;.*?w=(\d+))?/.exec(value) ?? []
  if (number !== undefined) add(scope || (window ? `${window} s` : ''), kind, Number(number))
}

/** `40/80`: used, of how many. */
function readFraction(value: string, add: Add): void {
  const [, used, limit] = /^(\d+)\/(\d+)$/.exec(value.trim()) ?? []
  if (limit === undefined) return
  add('', 'limit', Number(limit))
  add('', 'remaining', Number(limit) - Number(used))
}

const EPOCH_SECONDS = 1_000_000_000
const EPOCH_MS = 1_000_000_000_000
const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
}

/** Milliseconds from now in any of the forms: seconds, a time since 1970, `6m0s`, or a date. */
function resetIn(value: string, isDelta: boolean): number | undefined {
  const number = numberIn(value)
  if (number !== undefined) {
    if (number >= EPOCH_MS && !isDelta) return Math.max(number - Date.now(), 0)
    if (number >= EPOCH_SECONDS && !isDelta) return Math.max(number * 1000 - Date.now(), 0)
    return number * 1000
  }
  if (/^(?:\d+(?:\.\d+)?(?:ms|[smhd]))+$/.test(value.trim()))
    return [...value.matchAll(/(\d+(?:\.\d+)?)(ms|[smhd])/g)].reduce(
      (sum, [, amount, unit = 's']) => sum + Number(amount) * (UNITS[unit] ?? 0),
      0,
    )
  const date = /^\d{4}-\d\d-\d\dT|GMT$/.test(value.trim()) ? Date.parse(value) : NaN
  return Number.isNaN(date) ? undefined : Math.max(date - Date.now(), 0)
}

function numberIn(value: string): number | undefined {
  return /^\d+(?:\.\d+)?$/.test(value.trim()) ? Number(value) : undefined
}

/** A limit in words: `tokens: 0 of 40000 left, anew in 6 min`. */
export function limitInWords({ scope, limit, remaining, resetMs }: RateLimit): string {
  const of = limit === undefined ? '' : ` of ${limit}`
  const parts = [
    remaining === undefined ? limit !== undefined && `${limit} allowed` : `${remaining}${of} left`,
    resetMs !== undefined && `anew in ${timeIn(resetMs)}`,
  ].filter((part) => part !== false)
  return `${scope === '' ? '' : `${scope}: `}${parts.join(', ')}`
}
