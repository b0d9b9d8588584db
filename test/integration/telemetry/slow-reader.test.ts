import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { setInterval } from 'node:timers/promises'
import { breakers, circuitBreaker, type Exchange, listener, statusPage } from 'good-gateway'
import { listen } from '../../support/servers.js'

describe('a client that does not read the stream of the status page', function () {
  this.timeout(120_000)

  it('is cut, and costs no more memory than an event and the buffers of the system', async () => {
    const page = statusPage()
    // Events of some hundred kilobytes, to fill the buffers soon.
    const key = ({ url }: Exchange) => `${url}${'\u0001'.repeat(120)}`
    const name = 'slow reader'
    const gateway = await listen(
      createServer(listener(page, circuitBreaker({ name, key }), (_req, res) => res.end('ok'))),
    )
    for (let sent = 0; sent < 200; sent++) await (await fetch(`${gateway.url}/${sent}`)).text()
    const socket = connect(gateway.port, '127.0.0.1')
    socket.pause()
    socket.write('GET /status HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n')
    await once(socket, 'connect')
    const before = process.memoryUsage().rss
    const [entry] = breakers.list().filter((each) => each.name === name)
    let most = 0
    for await (const _ of setInterval(250)) {
      if (entry?.held === true) entry.close()
      else entry?.open()
      most = Math.max(most, process.memoryUsage().rss - before)
      if (gateway.connections() === 0) break
    }
    assert.ok(most < 64 * 1024 * 1024, `${most} bytes`)
    socket.destroy()
    for (const each of breakers.list()) if (each.name === name) each.release()
    page.stop()
    await gateway.close()
  })
})
