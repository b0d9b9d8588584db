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
  const fields = removed(headers, (name) => OF_PROVIDERS.test(name) || name === 'request-id')
  rename(headers, TO_OPENAI, fields)
  return rename(headers, RESETS_TO_OPENAI, fields, (field) => durationUntil(field, now))
}

/** The fields of a response in the names of Anthropic's API. */
export function anthropicResponseFields(headers: IncomingHttpHeaders, now: number): Fields {
  const fields = removed(headers, (name) => /^openai-|^x-ratelimit-|^x-request-id$/.test(name))
  rename(headers, TO_ANTHROPIC, fields)
  return rename(headers, RESETS_TO_ANTHROPIC, fields, (field) => timeAfter(field, now))
}

type Names = readonly [from: string, to: string]

const reversed = (names: readonly Names[]): readonly Names[] =>
  names.map(([from, to]) => [to, from])

const TO_OPENAI: readonly Names[] = [
  ['request-id', 'x-request-id'],
  ['anthropic-ratelimit-requests-limit', 'x-ratelimit-limit-requests'],
  ['anthropic-ratelimit-requests-remaining', 'x-ratelimit-remaining-requests'],
  ['anthropic-ratelimit-tokens-limit', 'x-ratelimit-limit-tokens'],
  ['anthropic-ratelimit-tokens-remaining', 'x-ratelimit-remaining-tokens'],
]
const TO_ANTHROPIC = reversed(TO_OPENAI)

/** When a limit is full again: a time at Anthropic, a duration at OpenAI. */
const RESETS_TO_OPENAI: readonly Names[] = [
  ['anthropic-ratelimit-requests-reset', 'x-ratelimit-reset-requests'],
  ['anthropic-ratelimit-tokens-reset', 'x-ratelimit-reset-tokens'],
]
const RESETS_TO_ANTHROPIC = reversed(RESETS_TO_OPENAI)

/** Adds fields under other names, with their values converted; what cannot be is left out. */
function rename(
  headers: IncomingHttpHeaders,
  names: readonly Names[],
  to: Fields,
  convert: (field: string) => string | undefined = (field) => field,
): Fields {
  for (const [from, name] of names) {
    const field = headers[from]
    const value = typeof field === 'string' ? convert(field) : undefined
    if (value !== undefined) to[name] = value
  }
  return to
}

function removed(headers: IncomingHttpHeaders, isForeign: (name: string) => boolean): Fields {
  const fields: Fields = {}
  for (const name of Object.keys(headers)) if (isForeign(name)) fields[name] = null
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
