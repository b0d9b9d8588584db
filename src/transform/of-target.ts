import type { Exchange } from '../exchange/exchange.js'
import type { Edits } from './change.js'
import { checkTransform, transformerFor } from './options.js'
import { changeRequest, type GivenRequest } from './request.js'
import { Changes } from './transform.js'

/** A transform for one request to one target of `forward`. */
export interface ForOne {
  /** What is sent in place of the request; undefined where it stays as it is. */
  request(given: GivenRequest): Promise<Edits | undefined>
  /** Changes the response that is about to begin. */
  follow(exchange: Exchange): void
}

/**
 * Prepares the transform of a target, whose requests are changed for this target alone.
 *
 * @param limit - most bytes of a request's body, and of a response's.
 * @throws {TypeError} when the transform is wrong.
 */
export function transformOfTarget(
  given: unknown,
  limit: number,
): (exchange: Exchange) => ForOne | undefined {
  checkTransform(given)
  const settings = { limit, responseLimit: limit }
  return (exchange) => {
    const transformer = transformerFor(given, exchange)
    if (transformer === undefined) return undefined
    return {
      request: (request) => changeRequest(transformer, request, settings.limit),
      follow: () => {
        if (transformer.response || transformer.events)
          exchange.follow(new Changes(exchange, transformer, settings))
      },
    }
  }
}
