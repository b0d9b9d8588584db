import type { IncomingMessage } from 'node:http'

/**
 * Is told of a field.
 *
 * @param lower - the name in lower case.
 * @param isOwn - whether the application has set it, and not the client.
 */
export type Take = (name: string, value: string, lower: string, isOwn: boolean) => void

type Message = Pick<IncomingMessage, 'headers' | 'rawHeaders'>

/**
 * Tells of all fields of a request, as they came and as the application has changed them since: it
 * works on `headers`, which has neither the spelling nor the order.
 */
export function eachField(message: Message, take: Take): void {
  const names = Object.keys(message.headers)
  const lowers = plainNames(message, names.length)
  if (lowers === undefined) return eachChanged(message, names, take)
  const { rawHeaders } = message
  for (let at = 0; at < lowers.length; at++)
    take(rawHeaders[at * 2] ?? '', rawHeaders[at * 2 + 1] ?? '', lowers[at] ?? '', false)
}

/**
 * The names, in lower case, of the fields of most requests: each name stands there once, and nothing
 * was changed. Undefined where it is not so.
 */
function plainNames({ headers, rawHeaders }: Message, count: number): string[] | undefined {
  if (count * 2 !== rawHeaders.length) return undefined
  const lowers: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const lower = (rawHeaders[at] ?? '').toLowerCase()
    if (headers[lower] !== rawHeaders[at + 1]) return undefined
    lowers.push(lower)
  }
  return lowers
}

function eachChanged({ headers, rawHeaders }: Message, names: readonly string[], take: Take): void {
  const came = groupsOf(rawHeaders)
  const told = new Set<string>()
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const lower = name.toLowerCase()
    const value = rawHeaders[at + 1] ?? ''
    const current = valuesOf(headers[lower])
    if (isUnchanged(lower, came.get(lower) ?? [], current)) take(name, value, lower, false)
    // Of those that may stand only once, Node has kept the first.
    else if (!told.has(lower)) for (const each of current) take(name, each, lower, each !== value)
    told.add(lower)
  }
  for (const name of names.filter((each) => !came.has(each.toLowerCase())))
    for (const value of valuesOf(headers[name])) take(name, value, name.toLowerCase(), true)
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
