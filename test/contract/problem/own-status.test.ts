import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import finalhandler from 'finalhandler'
import createHttpError from 'http-errors'
import { type Host, hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

for (const host of hosts.filter(({ errors }) => errors !== 'own'))
  describe(`${host.name}, an error of the application's own, after an upstream's of the same status`, () => {
    let upstream: Listening
    before(async () => {
      upstream = await listen(
        createServer((req, res) => res.writeHead(Number(req.url?.slice(1))).end()),
      )
    })
    after(() => upstream.close())

    const call = async (status: number) => (await fetch(`${upstream.url}/${status}`)).text()

    for (const status of [401, 404, 409, 500, 503])
      it(`keeps its status: ${status}`, async () => {
        const received = await ask(host, async () => {
          await call(status)
          throw createHttpError(status, 'of our own')
        })
        const isForClient = status < 500
        const { code, detail } = problemIn(received)
        assert.equal(received.status, status)
        assert.equal(code, isForClient ? 'request_rejected' : 'gateway_error')
        assert.equal(detail === 'of our own', isForClient)
      })

    if (host.errors === 'page')
      it('keeps a 404 for a path that nobody serves', async () => {
        const received = await ask(host, async (req, res) => {
          await call(404)
          finalhandler(req, res, { env: 'production' })(undefined)
        })
        assert.equal(received.status, 404)
        assert.equal(problemIn(received).code, 'request_rejected')
      })
  })

async function ask(
  host: Host,
  handler: (req: IncomingMessage, res: ServerResponse) => unknown,
): ReturnType<typeof sendRaw> {
  const gateway = await host.start({ use: ({ problemDetails }) => [problemDetails()], handler })
  try {
    return await sendRaw(gateway.port, getLine('/'))
  } finally {
    await gateway.close()
  }
}
