import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request } from 'node:http'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import { networkInterfaces } from 'node:os'
import express from 'express'
import Koa from 'koa'
import bodyParser from 'koa-bodyparser'
import mount from 'koa-mount'
import { breakers, circuitBreaker, listener, problemDetails, statusPage } from 'good-gateway'
import * as onExpress from 'good-gateway/express'
import * as onKoa from 'good-gateway/koa'
import { isLocal } from '../../src/telemetry/status/access.js'
import { listen } from '../support/servers.js'

const asked = (remoteAddress: string | undefined, headers: IncomingMessage['headers']) =>
  isLocal({ socket: { remoteAddress }, headers } as IncomingMessage)

/** The status of a GET of the page. */
async function statusOf(host: string, port: number): Promise<number | undefined> {
  const headers = { host: `localhost:${port}` }
  const call = request({ host, port, path: '/status', headers, agent: false }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  response.resume()
  return response.statusCode
}

const addresses = Object.values(networkInterfaces()).flat()
const hasIPv6 = addresses.some((each) => each?.address === '::1')
/** An address of this machine that others can reach. */
const reachable = addresses.find(
  (each) => each?.internal === false && each.family === 'IPv4',
)?.address

describe('the status page without authorize', () => {
  it('knows the addresses of this machine, in each of their forms', () => {
    const headers = { host: 'localhost' }
    for (const own of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])
      assert.equal(asked(own, headers), true, own)
    for (const other of [
      undefined,
      '',
      '10.0.0.1',
      '::ffff:10.0.0.1',
      '::127.0.0.1',
      '127.0.0.1.attacker.example',
      '1127.0.0.1',
      'fe80::1',
      '::',
    ])
      assert.equal(asked(other, headers), false, other)
  })

  it('takes the host that HTTP/2 tells, and all of them', () => {
    assert.equal(asked('::1', { ':authority': 'localhost:3000' }), true)
    assert.equal(asked('::1', { ':authority': 'localhost', host: 'attacker.example' }), false)
    assert.equal(asked('::1', { ':authority': 'attacker.example', host: 'localhost' }), false)
    assert.equal(asked('::1', {}), false)
  })

  it('is there over IPv4, IPv6 and IPv4 inside of IPv6, and not from another address', async function () {
    const page = statusPage()
    const server = createServer(listener(page, (_req, res) => res.end('ok')))
    server.listen(0, hasIPv6 ? '::' : '0.0.0.0')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    assert.equal(await statusOf('127.0.0.1', port), 200)
    if (hasIPv6) assert.equal(await statusOf('::1', port), 200)
    if (reachable === undefined) console.log('      no other address to try from')
    else assert.equal(await statusOf(reachable, port), 404)
    page.stop()
    server.close()
  })

  it('is there over HTTP/2, where a stream ends with the page', async () => {
    const page = statusPage()
    const server = http2.createServer(
      listener(problemDetails(), page, (_req, res) => res.end('ok')) as never,
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const session = http2.connect(`http://localhost:${port}`)
    const answer = session.request({ ':path': '/status', accept: 'application/json' })
    assert.match(await textOf(answer), /^\{"time":/)
    const stream = session.request({ ':path': '/status', accept: 'text/event-stream' })
    await once(stream.setEncoding('utf8'), 'data')
    page.stop()
    await once(stream, 'end')
    session.close()
    server.close()
    await once(server, 'close')
  })
})

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  for await (const part of stream.setEncoding('utf8')) text += String(part)
  return text
}

describe('the status page below a mount path', () => {
  const options = { actions: true, authorize: () => true }

  before(() => void circuitBreaker({ name: 'mounted' }))

  const app = express()
  const page = onExpress.statusPage(options)
  app.use('/admin', express.urlencoded(), page)

  const koa = new Koa()
  const koaPage = onKoa.statusPage(options)
  koa.use(bodyParser()).use(mount('/admin', new Koa().use(koaPage)))

  after(() => {
    page.stop()
    koaPage.stop()
  })

  for (const [name, handler] of [
    ['Express', app],
    ['koa-mount', koa.callback()],
  ] as const) {
    it(`acts behind a body parser, and leads back to where it is: ${name}`, async () => {
      const gateway = await listen(createServer(handler))
      const response = await fetch(`${gateway.url}/admin/status?from=mail`, {
        method: 'POST',
        headers: { 'Sec-Fetch-Site': 'same-origin' },
        body: new URLSearchParams({ name: 'mounted', action: 'open' }),
        redirect: 'manual',
      })
      assert.equal(response.status, 303)
      assert.equal(response.headers.get('location'), '/admin/status')
      assert.equal(breakers.get('mounted')?.held, true)
      breakers.get('mounted')?.close()
      assert.equal((await fetch(`${gateway.url}/status`)).status, 404)
      await gateway.close()
    })
  }

  it('never leads to another host', async () => {
    const own = onExpress.statusPage(options)
    const any = express().use(/.*admin/, express.urlencoded(), own)
    const gateway = await listen(createServer(any))
    const call = request({
      port: gateway.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '//attacker.example/admin/status',
      headers: {
        'Sec-Fetch-Site': 'same-origin',
        'Content-Type': 'application/x-www-form-urlencoded',
      },
    })
    call.end('name=mounted&action=close')
    const [{ statusCode, headers }] = (await once(call, 'response')) as [IncomingMessage]
    assert.deepEqual([statusCode, headers.location], [303, '/attacker.example/admin/status'])
    own.stop()
    await gateway.close()
  })
})
