import type { IncomingHttpHeaders } from 'node:http'
import type { Exchange } from '../exchange/exchange.js'

/** A request, as it would be sent to a target. */
export interface Given {
  readonly method: string
  /** Path and query, without the path of the target. */
  readonly path: string
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

/** What is sent in its place. */
export interface Edited {
  readonly method?: string | undefined
  readonly path?: string | undefined
  /** Fields to set, or to remove with `null`, in this order. */
  readonly fields: readonly (readonly [name: string, value: string | null])[]
  readonly body?: Buffer | undefined
}

/** What changes one request to one target, and its response. */
export interface Changer {
  request(given: Given): Promise<Edited | undefined>
  /** Changes the response that is about to begin. */
  follow(exchange: Exchange): void
}

/** Gives what changes a request; undefined where nothing does. */
export type ChangerOf = (exchange: Exchange) => Changer | undefined

/**
 * Prepares the transform of a target, which another part of the package knows how to run.
 *
 * @param limit - most bytes of a body, which must be whole to be changed.
 * @throws {TypeError} when it is none.
 */
export type Prepare = (transform: unknown, limit: number) => ChangerOf
