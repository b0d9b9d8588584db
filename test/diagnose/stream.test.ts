import assert from 'node:assert/strict'
import { createServer, type ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Diagnosis } from '../../src/diagnose/diagnose.js'
import { listen } from '../support/servers.js'
import { diagnoseHere, linesOf } from './here.js'

const TYPE = { 'Content-Type': 'text/event-stream; charset=utf-8' }
const event = (data: unknown, name?: string): string =>
  `${name === undefined ? '' : `event: ${name}\n`}data: ${JSON.stringify(data)}\n\n`
const CHUNK = event({ object: 'chat.completion.chunk', choices: [] })
const DONE = 'data: [DONE]\n\n'

/** Diagnoses a stream that a server writes. */
async function streamed(write: (res: ServerResponse) => unknown): Promise<Diagnosis> {
  const server = await listen(
    createServer((req, res) => {
      res.writeHead(200, TYPE)
      if (req.method === 'HEAD') return void res.end()
      void write(res)
    }),
  )
  try {
    return await diagnoseHere({ url: new URL(server.url) })
  } finally {
    await server.close()
  }
}

describe('diagnose: streams of events', function () {
  this.timeout(20_000)

  it('counts the events of a good one, and tells its longest silence', async () => {
    const diagnosis = await streamed(async (res) => {
      res.write(CHUNK)
      await delay(120)
      res.end(CHUNK + DONE)
    })
    assert.equal(diagnosis.verdict.healthy, true)
    const [, ms] = /3 events, longest silence (\d+) ms/.exec(linesOf(diagnosis, 'payload')) ?? []
    assert.ok(Number(ms) >= 100, ms)
  })

  for (const [kind, body, end] of [
    ['chat completions', CHUNK + CHUNK, 'data: [DONE]'],
    ['messages of Anthropic', event({ type: 'message_start' }, 'message_start'), 'message_stop'],
    [
      'responses of OpenAI',
      event({ type: 'response.created' }, 'response.created'),
      'response.completed',
    ],
  ] as const) {
    it(`finds that ${kind} end without their ${end}`, async () => {
      const diagnosis = await streamed((res) => res.end(body))
      assert.equal(diagnosis.verdict.code, 'upstream_response_incomplete')
      assert.ok(linesOf(diagnosis, 'payload').includes(`ended without its "${end}"`))
    })
  }

  it('asks of other streams no end', async () => {
    const diagnosis = await streamed((res) => res.end(event({ price: 1 })))
    assert.equal(diagnosis.verdict.healthy, true)
  })

  for (const [format, body, code] of [
    [
      'OpenAI',
      event({ error: { message: 'busy', code: 'server_is_overloaded' } }),
      'upstream_overloaded',
    ],
    [
      'Anthropic',
      event({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }, 'error'),
      'upstream_overloaded',
    ],
    ['a form of its own', 'event: error\ndata: it broke\n\n', 'upstream_error'],
    [
      'the Responses API',
      event(
        { type: 'error', code: 'rate_limit_exceeded', message: 'slow', sequence_number: 0 },
        'error',
      ),
      'upstream_rate_limited',
    ],
  ] as const) {
    it(`finds an error in the format of ${format} among the events`, async () => {
      const diagnosis = await streamed((res) => res.end(CHUNK + body))
      assert.equal(diagnosis.verdict.code, code, JSON.stringify(diagnosis, null, 1))
      assert.match(linesOf(diagnosis, 'payload'), /fault: the stream has an error event/)
    })
  }

  it('stops to read a stream without an end, which is no fault of it', async () => {
    const diagnosis = await streamed((res) => {
      const timer = setInterval(() => res.write(event({ tick: 1 })), 100)
      res.once('close', () => clearInterval(timer))
    })
    assert.equal(diagnosis.verdict.healthy, true)
    assert.match(linesOf(diagnosis, 'payload'), /note: it has not ended so far/)
  })

  it('does not ask for the end of a chat that still goes on, but of one that fell silent', async () => {
    const going = await streamed((res) => {
      const timer = setInterval(() => res.write(CHUNK), 100)
      res.once('close', () => clearInterval(timer))
    })
    assert.equal(going.verdict.healthy, true)
    const silent = await streamed((res) => res.write(CHUNK))
    assert.equal(silent.verdict.code, 'upstream_idle_timeout')
    assert.match(linesOf(silent, 'payload'), /fell silent for [\d.]+ s before its "data: \[DONE\]"/)
  })

  it('lets a stream wait that has nothing to say', async () => {
    const diagnosis = await streamed((res) => res.write(': hello\n\n'))
    assert.equal(diagnosis.verdict.healthy, true)
    assert.match(linesOf(diagnosis, 'payload'), /0 events, longest silence \d/)
  })

  it('warns of events that were collected on the way', async () => {
    const server = await listen(
      createServer((req, res) => {
        if (req.method === 'HEAD') return void res.writeHead(200, TYPE).end()
        setTimeout(() => res.writeHead(200, TYPE).end(CHUNK + CHUNK + DONE), 1100)
      }),
    )
    const url = new URL(server.url)
    const diagnosis = await diagnoseHere({ url }, 2000)
    await server.close()
    assert.equal(diagnosis.verdict.healthy, true)
    assert.match(linesOf(diagnosis, 'payload'), /warning: all 3 events came at once after [\d.]+ s/)
  })

  it('warns of a stream that is compressed, and reads it all the same', async () => {
    const server = await listen(
      createServer((_req, res) => {
        res.writeHead(200, { ...TYPE, 'Content-Encoding': 'gzip' })
        res.end(gzipSync(event({ error: { message: 'busy', code: 'slow_down' } })))
      }),
    )
    const diagnosis = await diagnoseHere({ url: new URL(server.url) })
    await server.close()
    assert.equal(diagnosis.verdict.code, 'upstream_overloaded')
    assert.match(linesOf(diagnosis, 'payload'), /warning: the stream is compressed \(gzip\)/)
  })

  it('warns of a long silence', async () => {
    const { readStream } = await import('../../src/diagnose/stream.js')
    const body = Buffer.from(event(1) + event(2))
    const { findings } = readStream(
      {
        body,
        arrivals: [
          { ms: 10, bytes: 9 },
          { ms: 20_010, bytes: body.length },
        ],
        headMs: 5,
        ms: 20_020,
        late: false,
        silentMs: 0,
        complete: true,
      },
      false,
    )
    assert.match(findings.map(({ text }) => text).join('\n'), /the stream was silent for 20 s/)
  })
})
