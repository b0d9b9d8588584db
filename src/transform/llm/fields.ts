import type { IncomingHttpHeaders } from 'node:http'

/** Fields to set, or to remove with `null`. */
export type Fields = Record<string, string | null>

/** What a client uses to show who it is; the provider must only see the gateway's own. */
const CREDENTIALS = ['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'cookie']

/** Fields that only one of the two APIs has. */
const OF_PROVIDERS = /^(?:anthropic|openai)-/

/** Removes from a request the credentials of the client, and what was meant for the other API. */
export function withoutClientFields(headers: IncomingHttpHeaders): Fields {
  return removed(headers, (name) => CREDENTIALS.includes(name) || OF_PROVIDERS.test(name))
}

/** The fields of a response in the names of OpenAI's API. */
export function openaiResponseFields(headers: IncomingHttpHeaders, now: number): Fields {
  return {
    ...removed(headers, (name) => OF_PROVIDERS.test(name) || name === 'request-id'),
    ...renamed(headers, { 'request-id': 'x-request-id' }),
    ...rateLimits(headers, (kind, limit) => [ofAnthropic(kind, limit), ofOpenai(kind, limit)]),
    ...resets(
      headers,
      (kind) => [ofAnthropic(kind, 'reset'), ofOpenai(kind, 'reset')],
      (field) => durationUntil(field, now),
    ),
  }
}

/** The fields of a response in the names of Anthropic's API. */
export function anthropicResponseFields(headers: IncomingHttpHeaders, now: number): Fields {
  return {
    ...removed(headers, (name) => /^openai-|^x-ratelimit-|^x-request-id$/.test(name)),
    ...renamed(headers, { 'x-request-id': 'request-id' }),
    ...rateLimits(headers, (kind, limit) => [ofOpenai(kind, limit), ofAnthropic(kind, limit)]),
    ...resets(
      headers,
      (kind) => [ofOpenai(kind, 'reset'), ofAnthropic(kind, 'reset')],
      (field) => timeAfter(field, now),
    ),
  }
}

const KINDS = ['requests', 'tokens'] as const
type Kind = (typeof KINDS)[number]
const LIMITS = ['limit', 'remaining'] as const

const ofAnthropic = (kind: Kind, limit: string): string => `anthropic-ratelimit-${kind}-${limit}`
const ofOpenai = (kind: Kind, limit: string): string => `x-ratelimit-${limit}-${kind}`

type Names = readonly [from: string, to: string]

function rateLimits(
  headers: IncomingHttpHeaders,
  names: (kind: Kind, limit: string) => Names,
): Fields {
  const pairs = KINDS.flatMap((kind) => LIMITS.map((limit) => names(kind, limit)))
  return renamed(headers, Object.fromEntries(pairs))
}

/** When a limit is full again: a time at Anthropic, a duration at OpenAI. */
function resets(
  headers: IncomingHttpHeaders,
  names: (kind: Kind) => Names,
  convert: (field: string) => string | undefined,
): Fields {
  const fields: Fields = {}
  for (const [from, to] of KINDS.map(names)) {
    const field = headers[from]
    const value = typeof field === 'string' ? convert(field) : undefined
    if (value !== undefined) fields[to] = value
  }
  return fields
}

function removed(headers: IncomingHttpHeaders, isForeign: (name: string) => boolean): Fields {
  return Object.fromEntries(
    Object.keys(headers)
      .filter(isForeign)
      .map((name) => [name, null]),
  )
}

function renamed(headers: IncomingHttpHeaders, names: Readonly<Record<string, string>>): Fields {
  const fields: Fields = {}
  for (const [from, to] of Object.entries(names)) {
    const value = headers[from]
    if (typeof value === 'string') fields[to] = value
  }
  return fields
}

/** The duration until a time of RFC 3339, as OpenAI writes it: `12s`. */
function durationUntil(time: string, now: number): string | undefined {
  const at = Date.parse(time)
  return Number.isNaN(at) ? undefined : `${Math.max(0, Math.ceil((at - now) / 1000))}s`
}

const DURATION = /^(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,9}(?:\.\d{1,9})?)s)?(?:(\d{1,9})ms)?$/

/** The time at the end of a duration such as `1h2m3.5s` or `120ms`, by RFC 3339. */
function timeAfter(duration: string, now: number): string | undefined {
  const [whole, ...units] = DURATION.exec(duration) ?? []
  if (whole === undefined || whole === '') return undefined
  const [hours, minutes, seconds, ms] = units.map((unit) => Number(unit ?? 0))
  const wait = ((hours ?? 0) * 3600 + (minutes ?? 0) * 60 + (seconds ?? 0)) * 1000 + (ms ?? 0)
  return new Date(now + Math.ceil(wait / 1000) * 1000).toISOString()
}
