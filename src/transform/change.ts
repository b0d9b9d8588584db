import { http } from '../common/builtins.js'
import type { Check } from '../common/options.js'
import { writeJson } from '../content/exact-json.js'
import type { FieldEdit } from '../response/head.js'
import type { Change } from './types.js'

/** A change that can be written: its fields and its body as they go out. */
export interface Edits {
  readonly method?: string | undefined
  readonly path?: string | undefined
  readonly status?: number | undefined
  /** In this order; the last one of a name counts. */
  readonly fields: readonly FieldEdit[]
  readonly body?: Buffer | undefined
}

/** What of a change belongs to a request, what to a response, and what a new body makes untrue. */
export interface Kind {
  readonly members: readonly ('method' | 'path' | 'status')[]
  readonly stale: readonly FieldEdit[]
}

/** The edits that take fields off. */
export const removed = (...names: readonly string[]): readonly FieldEdit[] =>
  names.map((name) => [name, null] as const)

/** Fields that say how a body is framed: they are made anew, and no transform has them. */
const FRAMING: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'trailer',
  'connection',
  'upgrade',
])

const isStatus = (value: unknown): boolean =>
  Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value)

const CHECKS: Readonly<Record<'method' | 'path' | 'status', Check>> = {
  method: [matches(/^(?!CONNECT$)[\w!#$%&'*+.^`|~-]+$/), 'a method other than CONNECT'],
  path: [matches(/^\/[!-"$-~]*$/), 'a path and query that begin with "/", with all else escaped'],
  status: [isStatus, 'a number from 200 to 599'],
}

/**
 * What a transform has returned, as it can be written; undefined where nothing changes.
 *
 * @param type - The media type of the body before.
 * @throws {TypeError} that names the member of the change that cannot be written.
 */
export function editsOf(
  returned: unknown,
  kind: Kind,
  type: string | undefined,
): Edits | undefined {
  if (returned === undefined || returned === null) return undefined
  if (typeof returned !== 'object') throw new TypeError('a transform must return an object')
  const change: Change = returned
  for (const name of kind.members) {
    const [ok, fix] = CHECKS[name]
    if (change[name] !== undefined && !ok(change[name]))
      throw new TypeError(`a transform returned a ${name} that is not ${fix}`)
  }
  const { method, path, status } = change
  const body = change.body === undefined ? undefined : bytesOf(change.body)
  const fields = body ? [...kind.stale] : []
  addFields(fields, change, type)
  return { method, path, status, body, fields }
}

function addFields(
  fields: FieldEdit[],
  { body, contentType, headers }: Change,
  type: string | undefined,
): void {
  const named = contentType ?? (body === undefined ? undefined : typeFor(body, type))
  if (named !== undefined) fields.push(checked('Content-Type', named))
  for (const [name, value] of Object.entries(headers ?? {})) fields.push(own(name, value))
}

function bytesOf(body: unknown): Buffer {
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  return Buffer.from(typeof body === 'string' ? body : writeJson(body))
}

/** What is JSON by its type stays so. */
const JSON_TYPE = /^[^;]*[/+]json(?:[;\s]|$)/i

/** Whether a media type is JSON, or a kind of it. */
export const isJson = (type: string | undefined): boolean => JSON_TYPE.test(type ?? '')

function typeFor(body: unknown, before: string | undefined): string | undefined {
  const isWritten = typeof body === 'string' || body instanceof Uint8Array
  return isWritten || isJson(before) ? undefined : 'application/json'
}

/**
 * The fields that a transform sets or removes, as they can be written.
 *
 * @throws {TypeError} naming the field that cannot be.
 */
export const fieldEdits = (headers: Change['headers'] = {}): readonly FieldEdit[] =>
  Object.entries(headers).map(([name, value]) => own(name, value))

function own(name: string, value: unknown): FieldEdit {
  if (FRAMING.has(name.toLowerCase()))
    throw new TypeError(`a transform must leave the field ${name} to the gateway`)
  return checked(name, value)
}

/** A field that Node will write. */
function checked(name: string, value: unknown): FieldEdit {
  http.validateHeaderName(name)
  if (value === null) return [name, null]
  if (typeof value !== 'string')
    throw new TypeError(`a transform returned a value of the field ${name} that is no string`)
  http.validateHeaderValue(name, value)
  return [name, value]
}
