import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { listener, problemDetails, routes } from 'good-gateway'
import { createServer } from 'node:http'
import { fieldOf, problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen } from '../../support/servers.js'

const require = createRequire(import.meta.url)
const textOf = (file: string): string => readFileSync(require.resolve(file), 'utf8')

/** Requests to the published documents of two services, and what is wrong with them. */
const documents: Readonly<
  Record<string, readonly (readonly [line: string, body: string, wrong?: string])[]>
> = {
  '@blockfrost/openapi/openapi.yaml': [
    ['GET /api/v0/blocks/latest', ''],
    [
      'GET /api/v0/blocks/5f20df933584822601f9e3f8c024eb5eb252fe8cefb24d1317dc3d432e940ebb/txs?count=10&order=desc',
      '',
    ],
    ['GET /api/v0/blocks/latest/txs?count=101', '', 'query count'],
    ['GET /api/v0/blocks/latest/txs?order=up', '', 'query order'],
    ['GET /api/v0/blocks/latest/txs?ORDER=up', '', 'query ORDER'],
    ['GET /api/v0/blocks/latest/txs?count=many', '', 'query count'],
  ],
  'rclone-openapi/openapi.json': [
    ['POST /rc/noop', '{}'],
    ['POST /rc/noop', '[]', 'body #'],
  ],
}

for (const [file, requests] of Object.entries(documents))
  describe(`the published document ${file}`, () => {
    let gateway: Listening
    before(async function () {
      this.timeout(60_000)
      const text = textOf(file)
      const base = new URL(serverOf(text), 'http://x').pathname
      assert.ok(base)
      gateway = await listen(
        createServer(
          listener(problemDetails(), routes.fromOpenAPI(text, { responses: true }), (_req, res) => {
            res.setHeader('x-passed', '1')
            res.writeHead(500).end()
          }),
        ),
      )
    })
    after(() => gateway.close())
    for (const [line, body, wrong] of requests)
      it(`${wrong ? 'refuses' : 'passes'} ${line.slice(0, 80)} ${body}`, async () => {
        const [method = '', path = ''] = line.split(' ')
        const fields = body
          ? ['Content-Type: application/json', `Content-Length: ${body.length}`]
          : []
        const received = await sendRaw(
          gateway.port,
          getLine(path, ...fields).replace('GET', method) + body,
        )
        if (wrong === undefined)
          return assert.equal(fieldOf(received.head, 'x-passed'), '1', received.text)
        const [issue] = problemIn(received).errors ?? []
        assert.equal(`${issue?.in} ${issue?.pointer ?? issue?.name}`, wrong)
      })
  })

const serverOf = (text: string): string => /url: ?"?(https?:[^\s",]+)/.exec(text)?.[1] ?? '/'
