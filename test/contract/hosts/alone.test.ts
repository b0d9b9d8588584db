import assert from 'node:assert/strict'
import { breakers } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { startFaults } from '../../../docs/sample-proxy/faults.js'
import { hosts } from '../../support/hosts.js'
import { fieldOf } from '../../support/problem.js'
import { dechunk, getLine, sendRaw } from '../../support/raw-client.js'

for (const host of hosts) {
  describe(`${host.name}, the middlewares without problemDetails`, () => {
    it('an open circuit is a 503 with Retry-After', async () => {
      const name = `alone on ${host.name}`
      const gateway = await host.start({
        use: ({ circuitBreaker }) => [circuitBreaker({ name })],
        handler: (_req, res) => res.end('ok'),
      })
      try {
        breakers.get(name)?.open()
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.equal(received.status, 503)
        assert.ok(Number(fieldOf(received.head, 'retry-after')) >= 1)
      } finally {
        await gateway.close()
      }
    })

    it('a body that breaks its schema is a 400 with the safe message', async () => {
      const gateway = await host.start({
        use: ({ validate }) => [validate({ body: { type: 'array' } })],
        handler: (_req, res) => res.end('ok'),
      })
      try {
        const request = getLine('/', 'Content-Type: application/json', 'Content-Length: 2')
        const received = await sendRaw(gateway.port, `${request.replace('GET', 'POST')}{}`)
        assert.equal(received.status, 400)
        assert.match(received.body, /does not match the schema/)
      } finally {
        await gateway.close()
      }
    })

    it('a timeout is a 504, and what the proxy writes later has no effect', async () => {
      const faults = await startFaults()
      const forward = createForward()
      const gateway = await host.start({
        use: ({ circuitBreaker }) => [
          circuitBreaker({ name: `late on ${host.name}`, timeout: 50 }),
        ],
        handler: (req, res) => forward(req, res, faults.target('hang')),
      })
      try {
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.equal(received.status, 504)
        assert.match(received.body, /did not answer in time/)
        await faults.seen('hang').until('aborted', 1)
        assert.equal((await sendRaw(gateway.port, getLine('/'))).status, 504)
      } finally {
        await gateway.close()
        await faults.close()
      }
    })

    it('a body that breaks off is cut', async () => {
      const faults = await startFaults()
      const forward = createForward()
      const gateway = await host.start({
        use: ({ circuitBreaker }) => [circuitBreaker({ name: `cut on ${host.name}` })],
        handler: (req, res) => forward(req, res, faults.target('truncated-chunked')),
      })
      try {
        const received = await sendRaw(gateway.port, getLine('/'))
        assert.equal(dechunk(received.body).whole, false)
      } finally {
        await gateway.close()
        await faults.close()
      }
    })
  })
}
