import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { fieldOf, fieldsIn, textOf } from './fields.js'
import type { ResponseCheck } from './buffered.js'

/** The head of a response, a moment before it goes out. */
export interface Head {
  /** Status about to be sent, NaN when it is no number; undefined when the response is being destroyed without an answer. */
  readonly status: number | undefined
  /** A header field, from `writeHead` or `setHeader`; lower-case name. */
  header(name: string): string | undefined
  /** All fields, by their names in lower case; missing on heads that are not written through a response. */
  fields?(): IncomingHttpHeaders
  /** The text of the whole response, where its head is made inside of `end`; empty for other bodies. */
  readonly text?: string | undefined
}

/**
 * What becomes of a response at its head: it passes, a function answers in its place, it is held and
 * checked, or it is changed on its way.
 */
export type Wish = (() => void) | ResponseCheck | StreamChange | undefined

/** Changes the bytes of a response on their way; how many they become is open. */
export interface StreamChange {
  readonly head: ChangedHead
  /** Whether it cannot go on; what was given before is still sent. */
  readonly isBroken: boolean
  /** What is sent in place of these bytes. */
  push(bytes: Uint8Array): string
  /** What is sent before the end. */
  end(): string
  /** Answers in place of the rest, or cuts it. */
  breakOff(): void
}

/** The head of a call of `writeHead`, with the fields that were set before. */
export class WrittenHead implements Head {
  readonly status: number | undefined
  private readonly res: ServerResponse
  private readonly args: readonly unknown[]
  private readonly body: readonly unknown[] | undefined
  private own: ReturnType<typeof fieldsIn> | undefined = undefined

  /** @param body - the arguments of `end`, where the head is made inside of it. */
  constructor(
    status: number | undefined,
    res: ServerResponse,
    args: readonly unknown[],
    body?: readonly unknown[],
  ) {
    this.status = status
    this.res = res
    this.args = args
    this.body = body
  }

  get text(): string | undefined {
    const [chunk] = this.body ?? []
    return this.body && (typeof chunk === 'string' ? chunk : '')
  }

  header(name: string): string | undefined {
    return fieldOf(this.args, name) ?? textOf(this.res.getHeader(name))
  }

  fields(): IncomingHttpHeaders {
    const fields: IncomingHttpHeaders = {}
    const add = (name: string, value: unknown): void => {
      if (name === 'set-cookie' && Array.isArray(value)) fields[name] = value.map(String)
      else fields[name] = textOf(value)
    }
    const set = this.res.getHeaders()
    for (const name in set) add(name, set[name])
    for (const [name, value] of this.ownFields()) add(name.toLowerCase(), value)
    return fields
  }

  /** The fields that `writeHead` was called with: whoever changes a response reads them twice. */
  private ownFields(): ReturnType<typeof fieldsIn> {
    return (this.own ??= fieldsIn(this.args))
  }

  /** Puts what `writeHead` was called with on the response. */
  applyTo(res: ServerResponse): void {
    for (const [name, value] of this.ownFields()) res.setHeader(name, value)
    if (this.status !== undefined) res.statusCode = this.status
    const [, reason] = this.args
    if (typeof reason === 'string' && res.req.httpVersionMajor === 1) res.statusMessage = reason
  }
}

/** A field to set, or to take off with `null`; the name as it is to be spelled. */
export type FieldEdit = readonly [name: string, value: string | null]

/** What changes in a head. */
export interface HeadEdits {
  readonly status?: number | undefined
  /** In this order; the last one of a name counts. */
  readonly fields: readonly FieldEdit[]
}

/** A head with changes on top of it. */
export class ChangedHead implements Head {
  readonly status: number | undefined
  readonly #below: Head
  readonly #edits: HeadEdits

  constructor(below: Head, edits: HeadEdits) {
    this.#below = below
    this.#edits = edits
    this.status = edits.status ?? below.status
  }

  header(name: string): string | undefined {
    const edit = this.#edits.fields.findLast(([each]) => each.toLowerCase() === name)
    return edit ? (edit[1] ?? undefined) : this.#below.header(name)
  }

  fields(): IncomingHttpHeaders {
    const fields = { ...this.#below.fields?.() }
    for (const [name, value] of this.#edits.fields)
      if (value === null) delete fields[name.toLowerCase()]
      else fields[name.toLowerCase()] = value
    return fields
  }

  /** Puts the head on a response that has not sent one. */
  applyTo(res: ServerResponse): void {
    const below = this.#below
    if (below instanceof ChangedHead || below instanceof WrittenHead) below.applyTo(res)
    const { status, fields } = this.#edits
    for (const [name, value] of fields)
      if (value !== null) res.setHeader(name, value)
      else if (res.hasHeader(name)) res.removeHeader(name)
    if (status === undefined || status === res.statusCode) return
    res.statusCode = status
    // HTTP/2 has no reason phrase and warns about it.
    if (res.req.httpVersionMajor === 1) res.statusMessage = ''
  }
}
