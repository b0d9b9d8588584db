// Fastify with its schemas, @fastify/reply-from and @fastify/circuit-breaker.
import circuitBreaker from '@fastify/circuit-breaker'
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'
import { order, type Settings, thing } from './gateway.js'

const HOUR = 3_600_000

/** The usual Fastify stack. */
export async function create({ target, limit, opens }: Settings) {
  const app = fastify({ bodyLimit: limit })
  await app.register(circuitBreaker, { threshold: opens ? 5 : 1_000_000_000, resetTimeout: HOUR })
  await app.register(replyFrom, { base: target })
  const upstream = () => ({ preHandler: app.circuitBreaker() })
  app.get('/things/:id', { ...upstream(), schema: { params: thing } }, (req, reply) =>
    reply.from(req.url),
  )
  app.post('/orders', { ...upstream(), schema: { body: order } }, (req, reply) =>
    reply.from(req.url),
  )
  app.get('/files/:name', upstream(), (req, reply) => reply.from(req.url))
  app.get('/events', upstream(), (req, reply) => reply.from(req.url))
  await app.ready()
  return app.server
}
