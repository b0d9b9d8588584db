import { createRequire } from 'node:module'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

const require = createRequire(import.meta.url)

interface Entry {
  readonly name: string
  readonly examples: readonly object[]
}

/** One payload that GitHub sent, as the examples package ships it. */
export interface Example {
  readonly event: string
  /** Event, action and number, for titles. */
  readonly name: string
  readonly payload: object
}

/** The schemas of all events: one draft-07 document, which ships without an `$id`. */
export const document = {
  ...(require('@octokit/webhooks-schemas') as { definitions: Record<string, object> }),
  $id: 'https://schemas.example/github-webhooks.json',
}

/** The options that a user passes beside a schema of `schemaFor`. */
export const options = {
  schemas: [document],
  // The document has a keyword of its own, for a generator of types.
  ajv: { keywords: ['tsAdditionalProperties'] },
}

/** All examples that the package ships. */
export const examples: readonly Example[] = (
  require('@octokit/webhooks-examples') as readonly Entry[]
).flatMap(({ name: event, examples: payloads }) =>
  payloads.map((payload, index) => {
    const action = 'action' in payload ? ` ${String(payload.action)}` : ''
    return { event, name: `${event}${action} ${index}`, payload }
  }),
)

/** The schema of an event: a reference into the document. */
export function schemaFor(event: string): object {
  const name = [`${event}_event`, `${event}$event`].find((known) => known in document.definitions)
  if (name === undefined) throw new Error(`no schema for the event ${event}`)
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    $ref: `${document.$id}#/definitions/${name}`,
  }
}

const ajv = new Ajv({ keywords: ['tsAdditionalProperties'], logger: false })
formats.default(ajv)
ajv.addSchema(document)
const verdicts = new Map<string, ValidateFunction>()

/** The verdict of a plain ajv with the same options. */
export function plainVerdict(event: string, payload: unknown): boolean {
  const known = verdicts.get(event) ?? ajv.compile(schemaFor(event))
  verdicts.set(event, known)
  return known(payload)
}

/** A payload that breaks its schema in one known place. */
export interface Breakage {
  readonly kind: 'removed' | 'type changed'
  /** The broken place, as decoded segments. */
  readonly path: readonly string[]
  readonly payload: unknown
}

/**
 * A valid payload broken in the places where its schema forbids it: each member removed, and each
 * value changed to one of another type, as far as a plain ajv then refuses the payload.
 *
 * @param take - Asked for each place, in turn; all places of all examples are more than 100,000.
 */
export function* breakages(
  payload: object,
  event: string,
  take: () => boolean = () => true,
): Generator<Breakage> {
  for (const path of placesIn(payload, [])) {
    if (!take()) continue
    const removed = {
      kind: 'removed',
      path,
      payload: changed(payload, path, () => undefined),
    } as const
    const retyped = {
      kind: 'type changed',
      path,
      payload: changed(payload, path, otherType),
    } as const
    // Without an item the others only move up.
    const isItem = /^\d+$/.test(path.at(-1) ?? '')
    if (!isItem && !plainVerdict(event, removed.payload)) yield removed
    if (!plainVerdict(event, retyped.payload)) yield retyped
  }
}

const otherType = (value: unknown): unknown =>
  typeof value === 'string' ? 4711 : 'of another type'

function* placesIn(value: object, path: readonly string[]): Generator<readonly string[]> {
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    yield [...path, name]
    if (typeof member === 'object' && member !== null) yield* placesIn(member, [...path, name])
  }
}

/** A copy with one place changed; undefined removes it. */
function changed(root: object, path: readonly string[], to: (value: unknown) => unknown): object {
  const copy: object = Array.isArray(root) ? [...(root as unknown[])] : { ...root }
  const [name = '', ...rest] = path
  const value: unknown = Reflect.get(copy, name)
  const next =
    rest.length > 0 && typeof value === 'object' && value !== null
      ? changed(value, rest, to)
      : to(value)
  if (next === undefined) Reflect.deleteProperty(copy, name)
  else Reflect.set(copy, name, next)
  return copy
}
