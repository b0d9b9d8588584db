import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import httpProxy from 'http-proxy'
import { unobserved } from 'good-gateway'
import { Agent, type Dispatcher, interceptors, ProxyAgent, request as undiciRequest } from 'undici'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { startTunnels } from '../../support/tunnels.js'
import { until } from '../../support/until.js'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const postLine = (path: string, body: string) =>
  getLine(path, `Content-Length: ${body.length}`, 'Content-Type: application/json').replace(
    'GET',
    'POST',
  ) + body

/** One call of `http`, read to its end. */
function ask(url: string, method = 'GET', body = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    request(url, { method, agent: false }, (answer) => void text(answer).then(resolve, reject))
      .on('error', reject)
      .end(body)
  })
}

let mounted = 0

for (const host of hosts) {
  describe(`${host.name}, which of several calls it is`, () => {
    let upstream: Listening
    let gateway: Listening
    let held: ServerResponse[]
    let seen: string[]
    let closed: string[]
    let codes: string[]
    let stats: () => { failures: number; successes: number; fires: number }

    beforeEach(async () => {
      held = []
      seen = []
      closed = []
      codes = []
      upstream = await listen(
        createServer((req, res) => {
          const { pathname } = new URL(req.url ?? '', 'http://upstream')
          const name = `${req.method} ${pathname}`
          seen.push(name)
          res.on('close', () => void (res.writableFinished || closed.push(name)))
          req.resume()
          if (req.headers['x-reset']) return req.socket.resetAndDestroy()
          if (pathname.endsWith('/ok')) return res.end('ok')
          if (pathname.endsWith('/reset')) return req.socket.resetAndDestroy()
          if (pathname === '/moved') return res.writeHead(302, { Location: '/reset' }).end()
          if (pathname === '/busy-once')
            return res.writeHead(seen.filter((each) => each === name).length > 1 ? 200 : 503).end()
          if (pathname.endsWith('/dies')) {
            res.writeHead(200, { 'Content-Length': 10 }).write('half')
            return setImmediate(() => req.socket.destroy())
          }
          held.push(res)
        }),
      )
    })
    afterEach(async () => {
      await gateway.close()
      await upstream.close()
    })

    async function start(handler: Handler, options = {}) {
      gateway = await host.start({
        use: ({ problemDetails, circuitBreaker }) => {
          const name = `which call ${mounted++}`
          const breaker = circuitBreaker({ name, timeout: 5000, volumeThreshold: 100, ...options })
          stats = () => breaker.breaker.stats
          return [problemDetails({ onError: (error) => codes.push(error.code) }), breaker]
        },
        handler,
      })
    }
    const send = (line: string): Promise<Received> => sendRaw(gateway.port, line)
    const leave = async (line: string, arrived: () => boolean) => {
      const client = connect(gateway.port, '127.0.0.1').on('error', () => {})
      client.write(line)
      await until(arrived)
      client.destroy()
    }
    const left = () => until(() => codes.includes('client_closed_request'))

    describe('the next call of an interceptor of undici, on a connection of another request', () => {
      const relayBy =
        (dispatcher: Dispatcher): Handler =>
        async (req, res) => {
          const options = { dispatcher, headersTimeout: 3000 }
          const answer = await undiciRequest(upstream.url + req.url, options).catch(() => undefined)
          res.writeHead(answer?.statusCode ?? 500).end(await answer?.body.text())
        }
      const one = () => new Agent({ connections: 1 })

      it('is a call of its request: a redirection', async () => {
        const agent = one()
        await start(relayBy(agent.compose(interceptors.redirect({ maxRedirections: 3 }))))
        assert.equal((await send(getLine('/ok'))).status, 200)
        assert.equal(problemIn(await send(getLine('/moved'))).code, 'upstream_connection_lost')
        await until(() => stats().failures === 1)
        await agent.close()
      })

      it('is a call of its request: another attempt', async () => {
        const agent = one()
        await start(relayBy(agent.compose(interceptors.retry({ maxRetries: 1, minTimeout: 1 }))))
        for (const path of ['/ok', '/busy-once'])
          assert.equal((await send(getLine(path))).status, 200)
        await until(() => stats().successes === 2)
        await agent.close()
      })
    })

    describe('what several clients wait for', () => {
      const fetches: Record<string, (url: string) => Promise<string>> = {
        http: (url) => ask(`${url}/token`, 'POST', 'grant_type=client_credentials'),
        undici: async (url) => {
          const body = 'grant_type=client_credentials'
          return (await undiciRequest(`${url}/token`, { method: 'POST', body })).body.text()
        },
        fetch: async (url) => (await fetch(`${url}/keys`)).text(),
      }
      for (const [name, fetchToken] of Object.entries(fetches)) {
        it(`goes on when the first of them leaves: a token by ${name}`, async () => {
          let token: Promise<string> | undefined
          await start(async (_req, res) => {
            token ??= fetchToken(upstream.url)
            res.end(await token)
          })
          await leave(getLine('/first'), () => held.length > 0)
          await left()
          const second = send(getLine('/second'))
          held[0]?.end('the token')
          assert.match((await second).body, /the token/)
        })

        it(`goes on when the deadline of the first of them passes: a token by ${name}`, async () => {
          let token: Promise<string> | undefined
          await start(
            async (_req, res) => {
              token ??= fetchToken(upstream.url)
              res.end(await token)
            },
            { timeout: 200 },
          )
          const first = await send(getLine('/first'))
          assert.equal(problemIn(first).code, 'upstream_timeout')
          const second = send(getLine('/second'))
          held[0]?.end('the token')
          assert.match((await second).body, /the token/)
        })
      }

      it('goes on where undici lets several requests wait for one GET', async () => {
        const dispatcher = new Agent().compose(interceptors.deduplicate())
        await start(async (req, res) => {
          const answer = await undiciRequest(upstream.url + req.url, { dispatcher })
          res.end(await answer.body.text())
        })
        let waiting = 0
        const other = leave(getLine('/shared'), () => waiting > 0 && held.length > 0)
        await until(() => held.length > 0)
        const second = send(getLine('/shared'))
        await until(() => gateway.connections() === 2)
        waiting++
        await other
        await left()
        assert.equal(seen.length, 1)
        held[0]?.end('for both')
        assert.match((await second).body, /for both/)
        await dispatcher.close()
      })

      it('is no evidence at all where it is unobserved', async () => {
        await start(async (_req, res) => {
          await unobserved(() => ask(nobody.url)).catch(() => {})
          res.writeHead(500).end('own')
        })
        const { status, body } = await send(getLine('/'))
        assert.deepEqual([status, /own/.test(body)], [500, true])
      })
    })

    describe('an audit or a mirror that starts after the proxied call', () => {
      const proxy = httpProxy.createProxyServer({})
      proxy.on('error', (_error, _req, res) => {
        if ('writeHead' in res && !res.headersSent) res.writeHead(500)
        res.end('bare')
      })
      const audits: Record<string, () => unknown> = {
        'an audit by fetch': () => fetch(`${upstream.url}/audit/ok`).then((each) => each.text()),
        'an audit that waits': () => fetch(`${upstream.url}/audit`, { method: 'POST' }),
        'an audit by http': () => ask(`${upstream.url}/audit/ok`, 'POST', '{"seen":true}'),
      }
      for (const [name, audit] of Object.entries(audits)) {
        const proxied: Handler = (req, res) => {
          proxy.web(req, res, { target: upstream.url })
          Promise.resolve(audit()).catch(() => {})
        }

        it(`does not hide that the proxied call has failed: ${name}`, async () => {
          await start(proxied)
          for (const line of [getLine('/orders/reset'), postLine('/orders/reset', '{}')]) {
            assert.equal(problemIn(await send(line)).code, 'upstream_connection_lost')
          }
          await until(() => stats().failures === 2)
        })

        it(`does not keep a client waiting for a body that has died: ${name}`, async () => {
          await start(proxied)
          const { status, body } = await send(getLine('/orders/dies'))
          assert.deepEqual([status, body], [200, 'half'])
          await until(() => stats().failures === 1)
        })
      }

      it('goes on after the request, while the proxied call ends with it', async () => {
        await start((req, res) => {
          proxy.web(req, res, { target: upstream.url })
          ask(`${upstream.url}/audit`, 'POST', '{"seen":true}').catch(() => {})
        })
        await leave(postLine('/orders', '{}'), () => held.length === 2)
        await until(() => closed.length > 0)
        assert.deepEqual(closed, ['POST /orders'])
      })

      it('does not decide where it asks another host for the same', async () => {
        const mirror = await listen(createServer((_req, res) => void res.end('mirrored')))
        await start(async (req, res) => {
          const mirrored = () => void fetch(mirror.url + req.url).then((each) => each.text())
          const answer = undiciRequest(upstream.url + req.url)
          mirrored()
          try {
            res.end(await (await answer).body.text())
          } catch {
            res.writeHead(502).end('bare')
          }
        })
        assert.equal(problemIn(await send(getLine('/reset'))).code, 'upstream_connection_lost')
        await until(() => stats().failures === 1)
        await mirror.close()
      })
    })

    describe('a call with the path of the request', () => {
      const cases: [path: string, asked: string, decides: boolean][] = [
        ['/', '/', true],
        ['/orders/1?page=2', '/orders/1?page=2', true],
        ['/orders/1', '/v2/orders/1', true],
        ['/api/orders/1', '/orders/1', true],
        ['/api/orders/1/', '/v2/orders/1/', true],
        ['/orders/1?page=2', '/orders/1?page=3', false],
        ['/orders/1', '/orders', false],
        ['/orders/', '/', false],
        ['/', '/internal/', false],
      ]
      for (const [path, asked, decides] of cases) {
        it(`${decides ? 'decides' : 'is one of many'}: ${path} as ${asked}`, async () => {
          await start(async (_req, res) => {
            const fails = fetch(upstream.url + asked, { headers: { 'X-Reset': '1' } })
            await Promise.allSettled([fails, ask(`${upstream.url}/audit/ok`)])
            res.writeHead(500).end('bare')
          })
          const received = await send(getLine(path))
          assert.equal(received.status, decides ? 502 : 500)
        })
      }

      it('is the one that is as long as the request where another ends like it', async () => {
        await start(async (_req, res) => {
          const fails = fetch(`${upstream.url}/v2/orders/1/ok`, { headers: { 'X-Reset': '1' } })
          await Promise.allSettled([fails, ask(`${upstream.url}/audit/ok`)])
          res.writeHead(500).end('bare')
        })
        assert.equal((await send(getLine('/orders/1/ok'))).status, 502)
      })
    })

    describe('a call that is not the request, when the client leaves', () => {
      const json = { 'Content-Type': 'application/json' }
      const cases: [name: string, method: string, fields: object, body: string, ends: boolean][] = [
        ['a copy of its body on another path', 'POST', json, '{"a":1}', true],
        ['another length', 'POST', json, '{"a":10}', false],
        ['another type', 'POST', { 'Content-Type': 'text/plain' }, '{"a":1}', false],
        ['another method', 'PUT', json, '{"a":1}', false],
      ]
      for (const [name, method, fields, body, ends] of cases) {
        it(`${ends ? 'ends' : 'goes on'}: ${name}`, async () => {
          await start(() => {
            const headers = { ...fields, 'Content-Length': body.length }
            request(`${upstream.url}/other`, { method, headers, agent: false })
              .on('error', () => {})
              .end(body)
          })
          await leave(postLine('/orders', '{"a":1}'), () => held.length === 1)
          await left()
          if (ends) return until(() => closed.length === 1)
          held[0]?.end('done')
          await until(() => held[0]?.writableFinished === true)
          assert.deepEqual(closed, [])
        })
      }

      it('goes on where it is a GET of another path', async () => {
        await start(() => void ask(`${upstream.url}/internal`).catch(() => {}))
        await leave(getLine('/orders'), () => held.length === 1)
        await left()
        held[0]?.end('done')
        await until(() => held[0]?.writableFinished === true)
        assert.deepEqual(closed, [])
      })
    })

    describe('a call that the application has aborted', () => {
      const aborts: Record<string, (url: string) => { abort(): void; over: Promise<unknown> }> = {
        fetch: (url) => {
          const controller = new AbortController()
          const over = fetch(url, { signal: controller.signal }).catch(() => {})
          return { abort: () => controller.abort(), over }
        },
        http: (url) => {
          const call = request(url, { agent: false })
          const over = new Promise((resolve) => call.on('error', () => {}).on('close', resolve))
          call.end()
          return { abort: () => call.destroy(), over }
        },
      }
      for (const [name, begin] of Object.entries(aborts)) {
        it(`decides nothing while another can: by ${name}`, async () => {
          await start(async (req, res) => {
            const slow = begin(upstream.url + req.url)
            await ask(`${upstream.url}/backup/ok`)
            await until(() => held.length === 1)
            slow.abort()
            await slow.over
            res.writeHead(500).end('own')
          })
          const { status, body } = await send(getLine('/orders/1'))
          assert.deepEqual([status, /own/.test(body)], [500, true])
        })
      }
    })

    describe('a call through a tunnel of undici', () => {
      it('is the call, and not the CONNECT', async () => {
        const tunnels = await startTunnels()
        const dispatcher = new ProxyAgent({ uri: tunnels.url, proxyTunnel: true })
        await start(async (req, res) => {
          const answer = await undiciRequest(upstream.url + req.url, { dispatcher })
          res.writeHead(answer.statusCode)
          answer.body.on('error', () => {}).pipe(res)
        })
        const { status, body } = await send(getLine('/dies'))
        assert.equal(status, 200)
        assert.doesNotMatch(body, /\r\n0\r\n/)
        assert.match((await send(getLine('/ok'))).body, /ok/)
        const received = await send(getLine('/reset'))
        assert.equal(problemIn(received).code, 'upstream_connection_lost')
        await until(() => stats().failures === 2)
        assert.ok(tunnels.count() > 0)
        await dispatcher.destroy()
        await tunnels.close()
      })
    })

    describe('work that runs in the context of another request', () => {
      /** One at a time; the next is started by the end of the one before, in its context. */
      function queue() {
        const waiting: ((done: () => void) => void)[] = []
        let busy = false
        const next = () => {
          const work = waiting.shift()
          busy = work !== undefined
          work?.(next)
        }
        return (work: (done: () => void) => void) => {
          waiting.push(work)
          if (!busy) next()
        }
      }

      for (const method of ['GET', 'POST']) {
        it(`is not killed with that request: ${method}`, async () => {
          const enqueue = queue()
          await start((req, res) => {
            enqueue((done) => {
              const call = request(upstream.url + req.url, { method, agent: false }, (answer) => {
                answer.pipe(res)
                if (req.url !== '/a/ok') return
                // It answers later, and the queue goes on before.
                answer.unpipe(res)
                done()
              })
              call.on('error', () => res.destroy())
              req.pipe(call)
            })
          })
          const line = (path: string) => (method === 'GET' ? getLine(path) : postLine(path, '{}'))
          const second = { sent: undefined as Promise<Received> | undefined }
          const client = connect(gateway.port, '127.0.0.1').on('error', () => {})
          client.write(line('/a/ok'))
          second.sent = send(line('/b'))
          await until(() => held.length > 0)
          client.destroy()
          await left()
          held[0]?.end('for b')
          assert.match((await second.sent).body, /for b/)
        })
      }

      it('does not explain the failure of that request, nor hide it', async () => {
        const enqueue = queue()
        const started: string[] = []
        await start((req, res) => {
          enqueue((done) => {
            const call = request(upstream.url + req.url, { agent: false }, (answer) => {
              answer.resume()
              answer.once('end', () => {
                done()
                setImmediate(() => res.writeHead(500).end('own'))
              })
            })
            call.on('error', () => {
              done()
              setImmediate(() => res.writeHead(500).end('bare'))
            })
            // The one sign of whose call it is.
            req.pipe(call)
            started.push(req.url ?? '')
          })
        })
        // The first has a good call, and the second one, in its context, fails; the third one waits.
        const answers = ['/a/ok', '/b/reset', '/c'].map((path) => send(getLine(path)))
        await until(() => held.length === 1)
        held[0]?.end()
        const [a, b] = await Promise.all(answers)
        assert.deepEqual([a?.status, a?.body.includes('own')], [500, true])
        assert.equal(b && problemIn(b).code, 'upstream_connection_lost')
        assert.deepEqual(started, ['/a/ok', '/b/reset', '/c'])
      })
    })

    describe('new work after the client has left', () => {
      const works: Record<string, (url: string) => unknown> = {
        fetch: (url) => fetch(url, { method: 'POST', body: '{}' }),
        http: (url) => ask(url, 'POST', '{}').catch(() => {}),
      }
      for (const [name, work] of Object.entries(works)) {
        it(`is made: by ${name}`, async () => {
          await start(async (_req, res) => {
            await once(res, 'close')
            await work(`${upstream.url}/clean-up`)
          })
          const client = connect(gateway.port, '127.0.0.1').on('error', () => {})
          client.write(postLine('/', '{}'))
          await once(client, 'connect')
          await until(() => gateway.connections() > 0)
          client.end()
          client.destroy()
          await until(() => held.length === 1)
          held[0]?.end('done')
          await until(() => held[0]?.writableFinished === true)
          assert.deepEqual([seen, closed], [['POST /clean-up'], []])
        })

        it(`is made where it begins with the end of a call: by ${name}`, async () => {
          await start((req, res) => {
            const call = request(upstream.url + req.url, { agent: false }, (answer) => {
              answer.once('aborted', () => void work(`${upstream.url}/clean-up`)).pipe(res)
            })
            call.on('error', () => {}).end()
          })
          const client = connect(gateway.port, '127.0.0.1').on('error', () => {})
          client.write(getLine('/stream'))
          await until(() => held.length === 1)
          held[0]?.write('begun')
          await once(client, 'data')
          client.destroy()
          await until(() => held.length === 2)
          held[1]?.end('done')
          await until(() => held[1]?.writableFinished === true)
          assert.deepEqual(closed, ['GET /stream'])
        })

        it(`is made after the deadline has answered: by ${name}`, async () => {
          await start(
            async () => {
              await ask(`${upstream.url}/slow`).catch(() => {})
              await work(`${upstream.url}/clean-up`)
            },
            { timeout: 100 },
          )
          assert.equal(problemIn(await send(getLine('/slow'))).code, 'upstream_timeout')
          await until(() => held.length === 2)
          held[1]?.end('done')
          await until(() => held[1]?.writableFinished === true)
          assert.deepEqual(closed, ['GET /slow'])
        })
      }
    })

    for (const reason of [undefined, new Error('not wanted any more')]) {
      const how = reason ? 'with an error' : 'without an error'
      it(`does not take a background request for its own because it destroys it ${how}`, async () => {
        const background = request(upstream.url, { method: 'POST', agent: false })
        background.on('error', () => {})
        background.write('not ended')
        await until(() => held.length > 0)
        await start(async (_req, res) => {
          background.destroy(reason)
          await new Promise((resolve) => background.once('close', resolve))
          res.writeHead(500).end('own')
        })
        const { status, body } = await send(getLine('/'))
        assert.deepEqual([status, /own/.test(body)], [500, true])
      })
    }
  })
}
