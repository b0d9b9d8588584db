import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import express, { type RequestHandler } from 'express'
import { answer, circuitBreaker, GatewayError, problemDetails, validate } from 'good-gateway'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { type Listening, listen } from '../support/servers.js'

/** A framework that takes every error to itself, and asks `answer` about it. */
async function ask(
  use: readonly RequestHandler[],
  handle: (req: IncomingMessage, res: ServerResponse) => unknown,
): Promise<{ received: Awaited<ReturnType<typeof sendRaw>>; answered: boolean[] }> {
  const answered: boolean[] = []
  const guards = express()
  for (const guard of use) guards.use(guard)
  guards.use((req, res) => {
    void (async () => handle(req, res))().catch((error: unknown) => {
      answered.push(answer(req, error))
      if (!res.headersSent && !answered.at(-1)) res.writeHead(418).end('of the framework')
    })
  })
  const gateway: Listening = await listen(createServer(guards))
  try {
    return { received: await sendRaw(gateway.port, getLine('/orders')), answered }
  } finally {
    await gateway.close()
  }
}

const open = (): never => {
  throw new GatewayError('circuit_open', { upstream: 'orders', retryAfter: 7 })
}

describe('answer(req, error)', () => {
  it('writes the standard body from the error handler of a framework', async () => {
    const { received, answered } = await ask([problemDetails()], open)
    const { code, status, retry_after } = problemIn(received)
    assert.deepEqual([code, status, retry_after], ['circuit_open', 503, 7])
    assert.deepEqual(answered, [true])
  })

  it('takes what is no error of ours for a defect, whose text stays inside', async () => {
    const { received } = await ask([problemDetails()], () => {
      throw new Error('the password is 1234')
    })
    assert.equal(problemIn(received).code, 'gateway_error')
    assert.doesNotMatch(received.body, /1234/)
  })

  it('gives the plain answer of the host where problemDetails is not mounted', async () => {
    const { received, answered } = await ask([circuitBreaker({ name: 'answer' })], open)
    assert.deepEqual([received.status, answered], [503, [true]])
    assert.match(received.head, /^retry-after: 7\r?$/im)
  })

  it('cuts a response that has begun', async () => {
    const { received, answered } = await ask([problemDetails()], async (_req, res) => {
      res.writeHead(200, { 'Content-Length': 100 })
      await new Promise<void>((resolve) => res.write('half', () => resolve()))
      open()
    })
    assert.deepEqual([received.status, received.body, answered], [200, 'half', [true]])
  })

  it('is false where the response has ended, and where no middleware has seen the request', async () => {
    const ended = await ask([problemDetails()], (_req, res) => {
      res.end('whole')
      open()
    })
    assert.deepEqual([ended.received.body, ended.answered], ['whole', [false]])
    const validated = await ask([validate({ query: {} })], (_req, res) => {
      res.end('whole')
      open()
    })
    assert.deepEqual([validated.received.body, validated.answered], ['whole', [false]])
    const unseen = await ask([], open)
    assert.deepEqual([unseen.received.status, unseen.answered], [418, [false]])
    for (const none of [undefined, null, {}, 'request'])
      assert.equal(answer(none as never, new Error('none')), false)
  })

  it('is true where the gateway has answered already, and writes nothing more', async () => {
    const { received, answered } = await ask([problemDetails()], (req) => {
      answer(req, new GatewayError('concurrency_limit'))
      open()
    })
    assert.equal(problemIn(received).code, 'concurrency_limit')
    assert.deepEqual(answered, [true])
  })
})
