import { isSchemaObject } from '../schema/references.js'
import { type Document, type Json, resolve } from './document.js'

/** The side of an exchange whose schemas are wanted: members of the other side are not required there. */
export type Side = 'request' | 'response'

const HIDDEN = { request: 'readOnly', response: 'writeOnly' } as const

/** Finds the members that one side of an exchange does not write, through references and `allOf`. */
export class Hidden {
  readonly #document: Document
  readonly #flag: string
  readonly #known = new Map<Json, ReadonlySet<string>>()

  constructor(document: Document, side: Side) {
    this.#document = document
    this.#flag = HIDDEN[side]
  }

  /** Their names in an object that a schema describes. */
  in(schema: unknown): ReadonlySet<string> {
    // References in a schema with an identifier of its own lead to places in it.
    if (!isSchemaObject(schema) || '$id' in schema) return new Set()
    const known = this.#known.get(schema)
    if (known !== undefined) return known
    const names = new Set<string>()
    this.#known.set(schema, names)
    for (const [name, property] of Object.entries(mapOf(schema['properties'])))
      if (this.#isHidden(property)) names.add(name)
    for (const part of this.#parts(schema)) for (const name of this.in(part)) names.add(name)
    return names
  }

  /** The names that a schema requires, through references and `allOf`. */
  requiredIn(schema: unknown, seen = new Set<unknown>()): ReadonlySet<string> {
    if (!isSchemaObject(schema) || '$id' in schema || seen.has(schema)) return new Set()
    seen.add(schema)
    const own: unknown = schema['required']
    return new Set([
      ...(Array.isArray(own) ? own.map(String) : []),
      ...this.#parts(schema).flatMap((part) => [...this.requiredIn(part, seen)]),
    ])
  }

  /** The schema that a reference of the document leads to. */
  target(ref: unknown): unknown {
    return typeof ref === 'string' && ref.startsWith('#/')
      ? resolve(this.#document, ref, ref).value
      : undefined
  }

  #parts(schema: Json): unknown[] {
    return [this.target(schema['$ref']), ...[schema['allOf'] ?? []].flat()]
  }

  #isHidden(property: unknown, depth = 0): boolean {
    if (!isSchemaObject(property) || depth > MOST_LEVELS) return false
    if (property[this.#flag] === true) return true
    return this.#parts(property).some((part) => this.#isHidden(part, depth + 1))
  }
}

// References may lead in a circle.
const MOST_LEVELS = 8

const mapOf = (value: unknown): Json => (isSchemaObject(value) ? value : {})
