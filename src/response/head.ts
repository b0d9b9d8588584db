import type { ServerResponse } from 'node:http'
import { fieldOf, textOf } from './fields.js'
import type { ResponseCheck } from './buffered.js'

/** The head of a response, a moment before it goes out. */
export interface Head {
  /** Status about to be sent, NaN when it is no number; undefined when the response is being destroyed without an answer. */
  readonly status: number | undefined
  /** A header field, from `writeHead` or `setHeader`; lower-case name. */
  header(name: string): string | undefined
  /** The text of the whole response, where its head is made inside of `end`; empty for other bodies. */
  readonly text?: string | undefined
}

/** What becomes of a response at its head: it passes, a function answers in its place, or it is held and checked. */
export type Wish = (() => void) | ResponseCheck | undefined

/** The head of a call of `writeHead`, with the fields that were set before. */
export class WrittenHead implements Head {
  readonly status: number | undefined
  private readonly res: ServerResponse
  private readonly args: readonly unknown[]
  private readonly body: readonly unknown[] | undefined

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
}
