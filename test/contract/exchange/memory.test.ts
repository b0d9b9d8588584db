import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect, type Socket } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { hosts } from '../../support/hosts.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { until } from '../../support/until.js'

/** Bytes of a body that comes a byte at a time; as many objects would take 150 MB. */
const BYTES = 300_000
const MOST = 20_000_000

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function used(): number {
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

for (const host of hosts)
  describe(`${host.name}, bodies that come a byte at a time`, () => {
    it('take memory in proportion to their bytes while they are held', async () => {
      let length = 0
      const gateway = await host.start({
        use: ({ problemDetails, validate }) => [problemDetails(), validate({ body: {} })],
        handler: async (req, res) => {
          for await (const part of req) length += (part as Buffer).length
          res.end('ok')
        },
      })
      const client = connect(gateway.port, '127.0.0.1')
      const head =
        'POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n'
      const before = used()
      const message = head + '1\r\n1\r\n' + '1\r\n \r\n'.repeat(BYTES - 1)
      let taken: Socket | undefined
      const started = (event: unknown) => ({ socket: taken } = event as { socket: Socket })
      subscribe('http.server.request.start', started)
      client.write(message)
      await until(() => taken?.bytesRead === message.length)
      unsubscribe('http.server.request.start', started)
      const held = used() - before
      client.write('0\r\n\r\n')
      await new Promise((resolve) => client.once('data', resolve))
      client.destroy()
      await gateway.close()
      assert.equal(length, BYTES)
      assert.ok(held < MOST, `${held} bytes for ${BYTES}`)
    })

    it('take no more in a response that is held', async () => {
      let held = 0
      const gateway = await host.start({
        use: ({ problemDetails, validate }) => [
          problemDetails(),
          validate({ response: { 200: { type: 'array' } } }),
        ],
        handler: (_req, res) => {
          const before = used()
          res.writeHead(200, { 'Content-Type': 'application/json' })
          res.write('[')
          for (let at = 0; at < BYTES; at++) res.write(' ')
          held = used() - before
          res.end(']')
        },
      })
      const received = await sendRaw(gateway.port, getLine('/'))
      await gateway.close()
      assert.equal(received.status, 200)
      assert.ok(held < MOST, `${held} bytes for ${BYTES}`)
    })
  })
