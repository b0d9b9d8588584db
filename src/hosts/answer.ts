import type { IncomingMessage } from 'node:http'
import { knownExchange } from '../exchange/exchange.js'
import { isObject } from '../failures/rule.js'
import { headIsOut, isSealed } from '../response/gate.js'

/**
 * Answers an error in the standard shape, from the error handler of any framework.
 *
 * For frameworks that take errors to themselves, such as Fastify, NestJS or hapi: without it, they
 * answer an open circuit or what `.fire` rejects with in a form of their own. An error of the
 * application is not printed: the handler has it, and `onError` is told of it.
 *
 * @param req Node's request: `request.raw` in Fastify, `request.raw.req` in hapi.
 * @returns Whether the client has its answer, and nothing more is to be written. False where it can do
 *   nothing: no middleware has seen the request, or its response has ended.
 * @example
 * fastify.setErrorHandler((error, request, reply) => {
 *   if (answer(request.raw, error)) reply.hijack()
 *   else reply.send(error)
 * })
 */
export function answer(req: IncomingMessage, error: unknown): boolean {
  const exchange = isObject(req) ? knownExchange(req) : undefined
  if (exchange === undefined) return false
  const { response, res } = exchange
  const hasEnded = res.writableEnded && headIsOut(response)
  if (hasEnded && !isSealed(response.phase)) return false
  exchange.fail(error)
  return true
}
