import type { IncomingMessage } from 'node:http'

/** A field that is told of. */
export interface Field {
  readonly name: string
  /** The name in lower case. */
  readonly lower: string
  readonly value: string
  /** Whether the application has set it, and not the client. */
  readonly isOwn: boolean
}

type Message = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/**
 * Tells of all fields of a request, as they came and as the application has changed them since: it
 * works on `headers`, which has neither the spelling nor the order.
 */
export function eachField(message: Message, take: (field: Field) => void): void {
  const names = Object.keys(message.headers)
  const left = names.length * 2 === message.rawHeaders.length ? names.length : undefined
  if (left === undefined || eachPlain(message, take) < left) eachChanged(message, names, take)
}

/**
 * Tells of the fields of most requests: each name stands there once, and nothing was changed. Gives
 * the number of fields that are so; where it is not that of all, nothing was told.
 */
function eachPlain({ headers, rawHeaders }: Message, take: (field: Field) => void): number {
  const fields: Field[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    const lower = name.toLowerCase()
    if (headers[lower] !== value) return fields.length
    fields.push({ name, lower, value, isOwn: false })
  }
  fields.forEach(take)
  return fields.length
}

function eachChanged(
  { headers, rawHeaders }: Message,
  names: readonly string[],
  take: (field: Field) => void,
): void {
  const came = groupsOf(rawHeaders)
  const told = new Set<string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const lower = name.toLowerCase()
    const value = rawHeaders[at + 1] ?? ''
    const current = valuesOf(headers[lower])
    if (isUnchanged(lower, came.get(lower) ?? [], current))
      take({ name, lower, value, isOwn: false })
    // Of those that may stand only once, Node has kept the first.
    else if (!told.has(lower))
      for (const each of current) take({ name, lower, value: each, isOwn: each !== value })
    told.add(lower)
  }
  for (const name of names.filter((each) => !came.has(each.toLowerCase())))
    for (const value of valuesOf(headers[name]))
      take({ name, lower: name.toLowerCase(), value, isOwn: true })
}

const valuesOf = (current: unknown): string[] =>
  current === undefined || current === null ? [] : [current].flat().map(String)

/** As Node joins them. */
const isUnchanged = (lower: string, came: readonly string[], current: readonly string[]): boolean =>
  came.join(lower === 'cookie' ? '; ' : ', ') === current.join(', ')

/** The values by the names in lower case. */
function groupsOf(raw: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const lower = (raw[at] ?? '').toLowerCase()
    const group = groups.get(lower)
    if (group) group.push(raw[at + 1] ?? '')
    else groups.set(lower, [raw[at + 1] ?? ''])
  }
  return groups
}
