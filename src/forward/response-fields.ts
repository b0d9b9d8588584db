import { HOP_BY_HOP, listedIn } from './hop-by-hop.js'

/** Names and values in turn. */
export type Fields = readonly string[]

/** The fields of a message as text, as they were spelled and in their order; a byte is a character. */
export function textFields(raw: unknown, parsed: object): Fields {
  const fields: string[] = []
  if (Array.isArray(raw))
    for (let at = 0; at + 1 < raw.length; at += 2) add(fields, latin1(raw[at]), raw[at + 1])
  else for (const [name, value] of Object.entries(raw ?? parsed)) add(fields, name, value)
  return fields
}

function add(fields: string[], name: string, value: unknown): void {
  if (Array.isArray(value)) for (const each of value) fields.push(name, latin1(each))
  else fields.push(name, latin1(value))
}

const latin1 = (raw: unknown): string =>
  Buffer.isBuffer(raw) ? raw.toString('latin1') : String(raw)

/** The value of a field; several are joined as a list. */
export function valueOf(fields: Fields, name: string): string | undefined {
  let value: string | undefined
  for (let at = 0; at < fields.length; at += 2) {
    const key = fields[at] ?? ''
    if (key.length === name.length && key.toLowerCase() === name)
      value = value === undefined ? fields[at + 1] : `${value}, ${fields[at + 1]}`
  }
  return value
}

/** Whether a response is a stream of events that can be read as it is. */
export const isEventStream = (fields: Fields): boolean =>
  valueOf(fields, 'content-type')?.toLowerCase().startsWith('text/event-stream') === true &&
  valueOf(fields, 'content-encoding') === undefined

/** The fields that are meant for the client, but for those named. */
export function endToEnd(fields: Fields, without: ReadonlySet<string> = HOP_BY_HOP): string[] {
  const listed = listedIn(valueOf(fields, 'connection'))
  const kept: string[] = []
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] ?? ''
    const lower = name.toLowerCase()
    if (without.has(lower) || (listed.size > 0 && listed.has(lower))) continue
    kept.push(name, fields[at + 1] ?? '')
  }
  return kept
}

/** Trailers that would change the framing or the meaning of a head that is out (RFC 9110, section 6.5.1). */
const NO_TRAILERS: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'content-length',
  'content-encoding',
  'content-type',
  'content-range',
  'host',
  'trailer',
  'set-cookie',
  'authorization',
  'cache-control',
])

/** The trailers that are passed on, as pairs. */
export function trailersOf(fields: Fields): [string, string][] {
  const kept = endToEnd(fields, NO_TRAILERS)
  return kept.flatMap((name, at) =>
    at % 2 === 0 ? [[name, kept[at + 1] ?? ''] as [string, string]] : [],
  )
}
