import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, get, type IncomingMessage } from 'node:http'
import { breakers } from 'good-gateway'
import { readProblem } from 'good-gateway/client'
import { askGateway } from '../../support/gateway.js'
import { hosts, throwing } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine } from '../../support/raw-client.js'
import { listen, nobody } from '../../support/servers.js'

const ask = async (url: string): Promise<IncomingMessage> => {
  const [response] = (await once(get(url), 'response')) as [IncomingMessage]
  return response
}

/** As HTTP's third form of a date, which names no zone. */
const asctime = (time: number): string => {
  const [, day, date, month, year, clock] =
    /^(\w+), (\d+) (\w+) (\d+) (\S+) GMT$/.exec(new Date(time).toUTCString()) ?? []
  return `${day} ${month} ${String(Number(date)).padStart(2)} ${clock} ${year}`
}

for (const host of hosts) {
  describe(`${host.name}, one rule in one place`, () => {
    const name = `one rule on ${host.name}`
    afterEach(() => breakers.get(name)?.release())

    it('a fallback is asked where a failed call is passed to the host', async () => {
      const received = await askGateway(
        host,
        {
          use: ({ problemDetails, circuitBreaker }) => [
            problemDetails(),
            circuitBreaker({ name, fallback: ({ res }) => void res.end('from the fallback') }),
          ],
          handler: () => ask(nobody.url),
        },
        getLine('/'),
      )
      assert.deepEqual([received.status, received.text.includes('from the fallback')], [200, true])
    })
  })
}

for (const host of throwing) {
  describe(`${host.name}, one rule in one place`, () => {
    const name = `named on ${host.name}`
    afterEach(() => breakers.get(name)?.release())

    it('an error that is thrown after a good call names the upstream in its detail', async () => {
      const upstream = await listen(createServer((_req, res) => res.end('{}')))
      const received = await askGateway(
        host,
        {
          use: ({ problemDetails, circuitBreaker }) => [problemDetails(), circuitBreaker({ name })],
          handler: async () => {
            ;(await ask(upstream.url)).resume()
            throw new Error('what it sent was of no use')
          },
        },
        getLine('/'),
      )
      await upstream.close()
      const { code, detail, upstream: named } = problemIn(received)
      assert.deepEqual([code, named?.name], ['upstream_error', name])
      assert.equal(detail, `"${name}" failed.`)
    })
  })
}

describe('a Retry-After in New York', () => {
  const zone = process.env['TZ']
  before(() => (process.env['TZ'] = 'America/New_York'))
  after(() => {
    if (zone === undefined) delete process.env['TZ']
    else process.env['TZ'] = zone
  })

  it('that is an asctime date asks for the same wait in the body and at the client', async () => {
    const field = asctime(Date.now() + 60_000)
    const [host] = throwing
    assert.ok(host)
    const received = await askGateway(
      host,
      {
        use: ({ problemDetails }) => [problemDetails()],
        handler: () => {
          throw Object.assign(new Error('busy'), {
            status: 429,
            expose: true,
            headers: { 'Retry-After': field },
          })
        },
      },
      getLine('/'),
    )
    const told = problemIn(received).retry_after ?? 0
    const response = new Response('{"error":{"message":"busy"}}', {
      status: 429,
      headers: { 'content-type': 'application/json', 'retry-after': field },
    })
    const read = (await readProblem(response))?.retry_after ?? 0
    for (const wait of [told, read]) assert.ok(wait > 50 && wait <= 60, `${wait} s`)
  })
})
