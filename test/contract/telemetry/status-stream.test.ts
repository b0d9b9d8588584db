import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { breakers, listener, statusPage } from 'good-gateway'
import { type Api, type Host, hosts } from '../../support/hosts.js'
import { recordEvents } from '../../support/events.js'
import { parse } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'
import { until } from '../../support/until.js'

const REQUEST = [
  'GET /status HTTP/1.1',
  'Host: localhost',
  'Accept: text/event-stream',
  'Accept-Encoding: gzip',
  '',
  '',
].join('\r\n')

/** A client that reads a stream. */
class Reader {
  readonly socket: Socket
  text = ''
  closed = false

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1')
    this.socket.setEncoding('utf8').on('data', (part: string) => (this.text += part))
    this.socket.on('close', () => (this.closed = true)).on('error', () => {})
    this.socket.write(REQUEST)
  }

  /** What the last whole event tells of a circuit. */
  stateOf(name: string): string | undefined {
    const data = this.text
      .split(/\r\n[\da-f]+\r\n/)
      .join('')
      .match(/^data: .*$/gm)
      ?.at(-1)
    if (data === undefined) return undefined
    const { circuits } = JSON.parse(data.slice('data: '.length)) as {
      circuits: { name: string; state: string }[]
    }
    return circuits.find((circuit) => circuit.name === name)?.state
  }
}

for (const host of hosts) {
  describe(`${host.name}, the stream of statusPage`, () => {
    const name = `stream of ${host.name}`
    let page: ReturnType<Api['statusPage']>
    let gateway: Listening

    before(async () => {
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker, ...api }) => {
          page = api.statusPage()
          return [problemDetails(), page, circuitBreaker({ name })]
        },
        handler: (_req, res) => res.end('ok'),
      })
    })
    after(async () => {
      page.stop()
      await gateway.close()
    })

    it('sends the state at once and whenever it changes, and ends with the page', async () => {
      const reader = new Reader(gateway.port)
      await until(() => reader.text.includes('\n\n'))
      const { status, head } = parse(reader.text)
      assert.equal(status, 200)
      assert.match(head, /^content-type: text\/event-stream\r?$/im)
      assert.match(head, /^cache-control: no-store, no-transform\r?$/im)
      assert.match(head, /^vary: Accept\r?$/im)
      assert.match(reader.text, /^event: status$/m)
      breakers.get(name)?.open()
      await until(() => reader.stateOf(name) === 'held')
      breakers.get(name)?.close()
      page.stop()
      await once(reader.socket, 'close')
      assert.ok(reader.text.endsWith('\r\n0\r\n\r\n'), 'a whole body')
    })

    it('takes it for no problem that a client leaves', async () => {
      const events = recordEvents()
      const reader = new Reader(gateway.port)
      await until(() => reader.text.includes('\n\n'))
      reader.socket.resetAndDestroy()
      await until(() => gateway.connections() === 0)
      events.stop()
      assert.deepEqual(events.of('problem'), [])
    })
  })
}

describe('the streams of statusPage', () => {
  it('end when the server is told to close, which would wait for them', async () => {
    const page = statusPage()
    const server = createServer(listener(page, (_req, res) => res.end('ok')))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const reader = new Reader((server.address() as AddressInfo).port)
    await until(() => reader.text.includes('\n\n'))
    server.close()
    await Promise.all([once(server, 'close'), until(() => reader.closed)])
    assert.ok(reader.text.endsWith('\r\n0\r\n\r\n'), 'a whole body')
    page.stop()
  })

  const host = hosts.find((each) => each.name === 'node:http') as Host

  it('are bounded, and leave their place', async () => {
    let page: ReturnType<Api['statusPage']> | undefined
    const gateway = await host.start({
      use: ({ problemDetails, ...api }) => [problemDetails(), (page = api.statusPage())],
      handler: (_req, res) => res.end('ok'),
    })
    const readers = Array.from({ length: 32 }, () => new Reader(gateway.port))
    await until(() => readers.every(({ text }) => text.includes('\n\n')))
    const refused = new Reader(gateway.port)
    await until(() => refused.text.includes('"code"'))
    const { status, head, body } = parse(refused.text)
    assert.equal(status, 503)
    assert.match(head, /^retry-after: 10\r?$/im)
    assert.match(body, /gateway_overloaded/)
    readers[0]?.socket.destroy()
    refused.socket.destroy()
    await until(() => gateway.connections() === 31)
    const late = new Reader(gateway.port)
    await until(() => late.text.includes('\n\n'))
    assert.equal(parse(late.text).status, 200)
    page?.stop()
    await until(() => late.closed)
    await gateway.close()
  })
})
