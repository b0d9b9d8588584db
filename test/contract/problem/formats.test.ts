import assert from 'node:assert/strict'
import { createServer, type RequestListener } from 'node:http'
import * as anthropicSdk from '@anthropic-ai/sdk'
import * as openaiSdk from 'openai'
import { type CircuitBreakerOptions, GatewayError, type ProblemDetailsOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const question = { model: 'm', messages: [{ role: 'user' as const, content: 'Hello' }] }
const part = (content: string) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, delta: { content }, finish_reason: null }] })}\n\n`

for (const host of hosts) {
  describe(`${host.name}, formats for clients of language models`, () => {
    let upstream: Listening
    let behaviour: RequestListener
    const forward = createForward()
    let mounted = 0

    before(async () => {
      upstream = await listen(createServer((req, res) => behaviour(req, res)))
    })
    after(() => upstream.close())

    async function withGateway(
      options: ProblemDetailsOptions,
      use: (gateway: Listening) => Promise<void>,
      more: Partial<CircuitBreakerOptions> = {},
    ): Promise<void> {
      const gateway = await host.start({
        use: ({ problemDetails, validate, circuitBreaker }) => [
          problemDetails(options),
          validate(
            {
              body: { type: 'object', properties: { max_tokens: { type: 'integer', maximum: 9 } } },
            },
            { limit: 100 },
          ),
          circuitBreaker({
            name: `formats on ${host.name} ${mounted++}`,
            timeout: 500,
            volumeThreshold: 1e6,
            ...more,
          }),
        ],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      try {
        await use(gateway)
      } finally {
        await gateway.close()
      }
    }

    const post = (body: string, path = '/') =>
      `POST ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`

    it('a format by route: the function may give a name', async () => {
      behaviour = (req) => req.socket.destroy()
      const format: ProblemDetailsOptions['format'] = (_problem, { url }) =>
        url.startsWith('/v1/messages') ? 'anthropic' : url.startsWith('/v1') ? 'openai' : 'problem'
      await withGateway({ format }, async ({ port }) => {
        const of = async (path: string) =>
          Object.keys(JSON.parse((await sendRaw(port, getLine(path))).body) as object)
        assert.deepEqual(await of('/v1/messages'), ['type', 'error', 'request_id'])
        assert.deepEqual(await of('/v1/chat/completions'), ['error'])
        assert.equal((await of('/orders'))[1], 'title')
      })
    })

    for (const format of ['openai', 'anthropic'] as const) {
      const messageIn = (body: string) =>
        (JSON.parse(body) as { error: { message: string; type: string } }).error

      it(`${format}: request_invalid names the place and the reason`, async () => {
        await withGateway({ format }, async ({ port }) => {
          const { body } = await sendRaw(port, post('{"max_tokens":10}'))
          assert.match(messageIn(body).message, /schema of this route: body #\/max_tokens must be/)
        })
      })

      if (host.errors === 'thrown')
        it(`${format}: request_unsupported names the member that cannot be said`, async () => {
          const errors = [
            { in: 'body', pointer: '#/n', code: 'maximum', detail: 'must be 1' },
          ] as const
          const gateway = await host.start({
            use: ({ problemDetails }) => [problemDetails({ format })],
            handler: () => {
              throw new GatewayError('request_unsupported', { errors })
            },
          })
          try {
            const { body, status } = await sendRaw(gateway.port, getLine('/'))
            assert.equal(status, 400)
            const { type, message } = messageIn(body)
            assert.equal(type, 'invalid_request_error')
            assert.match(message, /cannot be translated for the upstream: body #\/n must be 1$/)
          } finally {
            await gateway.close()
          }
        })

      it(`${format}: a 413 has the type of the provider and names the limit`, async () => {
        await withGateway({ format }, async ({ port }) => {
          const { body, status } = await sendRaw(port, post(`{"a":"${'x'.repeat(200)}"}`))
          assert.equal(status, 413)
          const { type, message } = messageIn(body)
          assert.equal(type, format === 'openai' ? 'invalid_request_error' : 'request_too_large')
          assert.match(message, /\b100 bytes\b/)
        })
      })

      for (const [wait, retries] of [
        ['20', 'true'],
        ['21', 'false'],
      ] as const) {
        it(`${format}: X-Should-Retry is ${retries} for a wait of ${wait} s`, async () => {
          behaviour = (_req, res) => res.writeHead(429, { 'Retry-After': wait }).end('slow')
          await withGateway({ format, upstreamErrors: 'wrap' }, async ({ port }) => {
            const { head } = await sendRaw(port, getLine('/'))
            assert.equal(fieldOf(head, 'x-should-retry'), retries)
          })
        })
      }

      it(`${format}: a stream that breaks ends as it should, behind the event`, async () => {
        behaviour = (_req, res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          res.write('data: 1\n\n', () => res.destroy())
        }
        const codes: string[] = []
        await withGateway({ format, onError: ({ code }) => codes.push(code) }, async ({ port }) => {
          const { text, whole } = dechunk((await sendRaw(port, getLine('/'))).body)
          assert.ok(whole, text)
          const [, data = ''] = /event: error\ndata: (.*)\n\n$/.exec(text) ?? []
          const event = JSON.parse(data) as Record<string, unknown>
          assert.equal(event['type'], 'error')
          if (format === 'openai') {
            assert.deepEqual(Object.keys(event), [
              'type',
              'sequence_number',
              'code',
              'message',
              'param',
              'error',
            ])
            assert.equal(event['code'], 'upstream_response_incomplete')
          }
          assert.deepEqual(codes, ['upstream_response_incomplete'])
        })
      })
    }

    it('anthropic: a wrapped 529 is overloaded_error', async () => {
      behaviour = (_req, res) => res.writeHead(529).end('overloaded')
      await withGateway({ format: 'anthropic', upstreamErrors: 'wrap' }, async ({ port }) => {
        const { body, status } = await sendRaw(port, getLine('/'))
        const { error } = JSON.parse(body) as { error: { type: string } }
        assert.deepEqual([status, error.type], [529, 'overloaded_error'])
      })
    })

    for (const pause of [0, 20]) {
      it(`the error event reaches the user of the openai SDK, ${pause} ms for each part`, async () => {
        behaviour = (_req, res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          res.write(part('a') + part('b') + part('c'), () => res.destroy())
        }
        await withGateway({ format: 'openai' }, async ({ url }) => {
          const client = new openaiSdk.OpenAI({ apiKey: 'k', baseURL: url, maxRetries: 0 })
          const stream = await client.chat.completions.create({ ...question, stream: true })
          const seen: unknown[] = []
          await assert.rejects(
            async () => {
              for await (const each of stream) {
                seen.push(each.choices[0]?.delta.content)
                await new Promise((resolve) => setTimeout(resolve, pause))
              }
            },
            { code: 'upstream_response_incomplete' },
          )
          assert.deepEqual(seen, ['a', 'b', 'c'])
        })
      })

      it(`the error event reaches the user of the anthropic SDK, ${pause} ms for each part`, async () => {
        behaviour = (_req, res) => {
          res.writeHead(200, { 'Content-Type': 'text/event-stream' })
          const message = { type: 'message', id: 'm', role: 'assistant', content: [], model: 'm' }
          const start = `event: message_start\ndata: ${JSON.stringify({ type: 'message_start', message })}\n\n`
          res.write(start + 'event: ping\ndata: {"type":"ping"}\n\n', () => res.destroy())
        }
        await withGateway({ format: 'anthropic' }, async ({ url }) => {
          const client = new anthropicSdk.Anthropic({ apiKey: 'k', baseURL: url, maxRetries: 0 })
          const stream = await client.messages.create({ ...question, max_tokens: 5, stream: true })
          await assert.rejects(async () => {
            for await (const _ of stream) await new Promise((resolve) => setTimeout(resolve, pause))
          }, /before its response was complete/)
        })
      })
    }

    it("upstreamErrors 'wrap-foreign' replaces a CDN's page, and passes JSON", async () => {
      await withGateway({ format: 'openai', upstreamErrors: 'wrap-foreign' }, async ({ port }) => {
        behaviour = (_req, res) => res.writeHead(524, { 'Content-Type': 'text/html' }).end('<html>')
        assert.match((await sendRaw(port, getLine('/'))).body, /"upstream_error"/)
        for (const type of [
          'application/json',
          'application/json; charset=utf-8',
          'application/x+json',
        ]) {
          behaviour = (_req, res) =>
            res.writeHead(503, { 'Content-Type': type, 'Content-Length': 9 }).end('{"own":1}')
          assert.equal((await sendRaw(port, getLine('/'))).body, '{"own":1}')
        }
      })
    })

    it('repeatable: a POST whose connection was lost may be sent again', async () => {
      behaviour = (req) => req.socket.destroy()
      for (const repeatable of [false, true])
        await withGateway(
          {},
          async ({ port }) => {
            const problem = JSON.parse((await sendRaw(port, post('{}'))).body) as {
              retryable: boolean
            }
            assert.equal(problem.retryable, repeatable)
          },
          { repeatable },
        )
    })

    it("fallbackOn: the fallback is asked about the upstream's own overload, and no other answer", async () => {
      const asked: string[] = []
      await withGateway(
        {},
        async ({ port }) => {
          for (const status of [429, 503, 529]) {
            behaviour = (_req, res) => res.writeHead(status, { 'Set-Cookie': 'a=1' }).end('its own')
            const received = await sendRaw(port, getLine('/'))
            assert.deepEqual([received.status, received.body], [200, 'fallback'])
            assert.equal(fieldOf(received.head, 'set-cookie'), undefined)
          }
          behaviour = (_req, res) => res.writeHead(500, { 'Content-Length': 7 }).end('its own')
          assert.equal((await sendRaw(port, getLine('/'))).body, 'its own')
          assert.deepEqual(asked, [
            'upstream_rate_limited',
            'upstream_overloaded',
            'upstream_overloaded',
          ])
        },
        {
          fallbackOn: [429, 503, 529],
          fallback: ({ res }, error) => {
            asked.push(error.code)
            res.setHeader('Content-Length', 8)
            res.end('fallback')
          },
        },
      )
    })
  })
}
