import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import * as anthropicSdk from '@anthropic-ai/sdk'
import * as openaiSdk from 'openai'
import { breakers, type ProblemDetailsOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

const completion = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  created: 1,
  model: 'm',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
}
const part = {
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  created: 1,
  model: 'm',
  choices: [{ index: 0, delta: { content: 'Once' }, finish_reason: null }],
}
const question = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] }

const caught = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work
  } catch (error) {
    return error
  }
  throw new Error('nothing was thrown')
}

for (const host of hosts) {
  describe(`${host.name}, the official SDKs as clients`, () => {
    const name = `models on ${host.name}`
    let upstream: Listening
    let closedPort: string
    let reached: number
    let behaviour: RequestListener

    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          reached++
          behaviour(req, res)
        }),
      )
      closedPort = nobody.url
    })
    beforeEach(() => {
      reached = 0
      breakers.get(name)?.close()
    })
    after(() => upstream.close())

    const forward = createForward()

    async function withGateway(
      format: 'openai' | 'anthropic',
      use: (url: string) => Promise<void>,
      { target = upstream.url, ...options }: ProblemDetailsOptions & { target?: string } = {},
    ): Promise<void> {
      const gateway = await host.start({
        use: ({ problemDetails, validate, circuitBreaker }) => [
          problemDetails({ format, ...options }),
          validate({
            body: { type: 'object', properties: { max_tokens: { type: 'integer', maximum: 9 } } },
          }),
          circuitBreaker({ name, timeout: 300, volumeThreshold: 1e6 }),
        ],
        handler: (req, res) => forward(req, res, target),
      })
      try {
        await use(gateway.url)
      } finally {
        await gateway.close()
      }
    }

    const openai = (baseURL: string, maxRetries = 0) =>
      new openaiSdk.OpenAI({ apiKey: 'k', baseURL, maxRetries })
    const anthropic = (baseURL: string, maxRetries = 0) =>
      new anthropicSdk.Anthropic({ apiKey: 'k', baseURL, maxRetries })

    it('openai: a refused connection is an InternalServerError with our code', async () => {
      await withGateway(
        'openai',
        async (url) => {
          const error = await caught(openai(url).chat.completions.create(question))
          assert.ok(error instanceof openaiSdk.InternalServerError)
          assert.deepEqual(
            [error.status, error.code, error.type, error.param],
            [502, 'upstream_refused', 'server_error', null],
          )
          assert.match(error.message, /"models on .*" is not accepting connections\./)
          assert.match(error.requestID ?? '', /^[0-9a-f-]{36}$/)
        },
        { target: closedPort },
      )
    })

    it('openai: a body that breaks its schema is a BadRequestError that names the place', async () => {
      await withGateway('openai', async (url) => {
        const error = await caught(
          openai(url, 2).chat.completions.create({ ...question, max_tokens: 10 }),
        )
        assert.ok(error instanceof openaiSdk.BadRequestError)
        assert.deepEqual(
          [error.code, error.type, error.param],
          ['request_invalid', 'invalid_request_error', '#/max_tokens'],
        )
        assert.equal(reached, 0)
      })
    })

    it('openai: a wrapped 429 is a RateLimitError', async () => {
      behaviour = (_req, res) => res.writeHead(429).end('slow down')
      await withGateway(
        'openai',
        async (url) => {
          const error = await caught(openai(url).chat.completions.create(question))
          assert.ok(error instanceof openaiSdk.RateLimitError)
          assert.deepEqual([error.code, error.type], ['upstream_rate_limited', 'rate_limit_error'])
        },
        { upstreamErrors: 'wrap' },
      )
    })

    it('openai: waits as Retry-After says, then repeats what is retryable', async () => {
      behaviour = (_req, res) => {
        if (reached === 1) res.writeHead(429, { 'Retry-After': '1' }).end('slow down')
        else
          res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(completion))
      }
      await withGateway(
        'openai',
        async (url) => {
          const started = performance.now()
          const answer = await openai(url, 1).chat.completions.create(question)
          assert.equal(answer.choices[0]?.message.content, 'Hi')
          assert.equal(reached, 2)
          // Its own first wait would be half a second.
          assert.ok(performance.now() - started >= 990)
        },
        { upstreamErrors: 'wrap' },
      )
    })

    it('openai: does not repeat a request that may have been processed', async () => {
      behaviour = (req) => req.socket.destroy()
      await withGateway('openai', async (url) => {
        const error = await caught(openai(url, 2).chat.completions.create(question))
        assert.ok(error instanceof openaiSdk.InternalServerError)
        assert.equal(error.code, 'upstream_connection_lost')
        assert.equal(reached, 1)
      })
    })

    it('openai: a timeout is a 504 of type timeout_error', async () => {
      behaviour = () => {}
      await withGateway('openai', async (url) => {
        const error = await caught(openai(url).chat.completions.create(question))
        assert.ok(error instanceof openaiSdk.InternalServerError)
        assert.deepEqual(
          [error.status, error.code, error.type],
          [504, 'upstream_timeout', 'timeout_error'],
        )
      })
    })

    it('openai: a stream that breaks throws after the parts that arrived', async () => {
      behaviour = (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        res.write(`data: ${JSON.stringify(part)}\n\n`, () => res.destroy())
      }
      await withGateway('openai', async (url) => {
        const parts: unknown[] = []
        const stream = await openai(url).chat.completions.create({ ...question, stream: true })
        const reading = (async () => {
          for await (const each of stream) parts.push(each.choices[0]?.delta.content)
        })()
        const error = await caught(reading)
        assert.deepEqual(parts, ['Once'])
        assert.ok(error instanceof openaiSdk.APIError)
        assert.deepEqual([error.code, error.type], ['upstream_response_incomplete', 'server_error'])
      })
    })

    it('anthropic: a refused connection is an InternalServerError of type api_error', async () => {
      await withGateway(
        'anthropic',
        async (url) => {
          const error = await caught(anthropic(url).messages.create({ ...question, max_tokens: 5 }))
          assert.ok(error instanceof anthropicSdk.InternalServerError)
          assert.equal(error.status, 502)
          const body = error.error as { error: object; request_id: string }
          assert.deepEqual(body.error, {
            type: 'api_error',
            message: `"${name}" is not accepting connections.`,
          })
          assert.match(body.request_id, /^[0-9a-f-]{36}$/)
        },
        { target: closedPort },
      )
    })

    it('anthropic: a wrapped 503 is overloaded_error, a wrapped 429 a RateLimitError', async () => {
      await withGateway(
        'anthropic',
        async (url) => {
          const ask = () => caught(anthropic(url).messages.create({ ...question, max_tokens: 5 }))
          behaviour = (_req, res) => res.writeHead(503).end()
          const overloaded = await ask()
          assert.ok(overloaded instanceof anthropicSdk.InternalServerError)
          assert.equal(overloaded.type, 'overloaded_error')
          behaviour = (_req, res) => res.writeHead(429).end()
          assert.ok((await ask()) instanceof anthropicSdk.RateLimitError)
        },
        { upstreamErrors: 'wrap' },
      )
    })

    it('anthropic: a stream that breaks throws', async () => {
      behaviour = (_req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' })
        const message = { type: 'message', id: 'm', role: 'assistant', content: [], model: 'm' }
        const start = { type: 'message_start', message }
        res.write(`event: message_start\ndata: ${JSON.stringify(start)}\n\n`, () => res.destroy())
      }
      await withGateway('anthropic', async (url) => {
        const stream = await anthropic(url).messages.create({
          ...question,
          max_tokens: 5,
          stream: true,
        })
        const seen: string[] = []
        const reading = (async () => {
          for await (const event of stream) seen.push(event.type)
        })()
        const error = await caught(reading)
        assert.deepEqual(seen, ['message_start'])
        assert.ok(error instanceof anthropicSdk.APIError)
        assert.match(error.message, /closed the connection before its response was complete/)
      })
    })
  })
}
