import type { IncomingMessage } from 'node:http'
import { http } from '../common/builtins.js'

/** What Node's parser lets pass in a reason phrase, and in fields where it is lenient, and its writer refuses. */
const REFUSED = /[^\t\x20-\x7e\x80-\xff]/

/** Whether Node would refuse to write a text as a reason phrase or as the value of a field. */
export const isRefused = (text: string): boolean => REFUSED.test(text)

/** The reason phrase that a status has by default: a phrase says nothing more (RFC 9112, section 4). */
export const reasonOf = (status: number): string => http.STATUS_CODES[status] ?? ''

/** Whether this process lets Node's parser be lenient. */
const IS_LENIENT = [...process.execArgv, process.env['NODE_OPTIONS'] ?? ''].some((option) =>
  option.includes('insecure-http-parser'),
)

/**
 * Makes a response of an upstream one that Node would write again; false where a field cannot be
 * written, which only a lenient parser lets pass.
 */
export function makeWritable(response: IncomingMessage, isLenient = IS_LENIENT): boolean {
  const { statusMessage = '', statusCode = 0 } = response
  if (isRefused(statusMessage)) response.statusMessage = reasonOf(statusCode)
  dropTrailerField(response)
  return !isLenient || !response.rawHeaders.some(isRefused)
}

/** Node refuses to announce trailers where no chunks are, which have no place for them (RFC 9112, section 7.1.2). */
function dropTrailerField(message: IncomingMessage): void {
  const { headers } = message
  if (headers.trailer !== undefined && headers['transfer-encoding'] === undefined)
    removeField(message, 'trailer')
}

/** Takes a field off a message, in both of its forms. */
export function removeField({ headers, rawHeaders }: IncomingMessage, name: string): void {
  if (headers[name] === undefined) return
  delete headers[name]
  for (let at = rawHeaders.length - 2; at >= 0; at -= 2)
    if (isNamed(rawHeaders[at], name)) rawHeaders.splice(at, 2)
}

/** Sets a field of a message, in both of its forms; one that is there keeps its place. */
export function setField(message: IncomingMessage, name: string, value: string): void {
  const { headers, rawHeaders } = message
  const lower = name.toLowerCase()
  const before = headers[lower]
  // A deleted property makes a slow object of the headers.
  headers[lower] = value
  if (before === undefined) return void rawHeaders.push(name, value)
  let at = -1
  for (let next = rawHeaders.length - 2; next >= 0; next -= 2) {
    if (!isNamed(rawHeaders[next], lower)) continue
    // The first one stays in its place.
    if (at !== -1) rawHeaders.splice(at, 2)
    at = next
  }
  if (at === -1) return void rawHeaders.push(name, value)
  rawHeaders[at] = name
  rawHeaders[at + 1] = value
}

const isNamed = (name: string | undefined, lower: string): boolean =>
  name?.length === lower.length && name.toLowerCase() === lower

/** No option of a connection may name them: whoever takes them off takes the end of the body off. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'transfer-encoding', 'host'])
/** Longer than `keep-alive`. */
const SHORTEST = 11

/** Takes off what no proxy could pass on whole. */
export function tidyFraming(req: IncomingMessage): void {
  dropTrailerField(req)
  const { connection } = req.headers
  if (connection === undefined || connection.length < SHORTEST) return
  const options = connection.split(',').map((option) => option.trim())
  const kept = options.filter((option) => !FRAMING.has(option.toLowerCase()))
  if (kept.length === options.length) return
  removeField(req, 'connection')
  if (kept.length === 0) return
  req.headers.connection = kept.join(', ')
  req.rawHeaders.push('Connection', req.headers.connection)
}
