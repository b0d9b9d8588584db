import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listener, problemDetails, type Transformer, transform } from 'good-gateway'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { type Listening, listen } from '../support/servers.js'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/guide/transform.md'), 'utf8')

/** The example of the guide that exports a name. */
function exampleOf(name: string): string {
  const examples = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
  return examples.find((code) => code.includes(`export const ${name}`)) ?? assert.fail(name)
}

interface Arrived {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

describe('the recipes of the guide for transforms', () => {
  let folder: string
  let upstream: Listening
  let gateway: Listening
  let arrived: Arrived | undefined
  let answer: readonly [type: string, body: string] = ['application/json', '{}']
  let recipe: Transformer = {}
  const forward = createForward()

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'good-gateway-recipes-'))
    mkdirSync(join(folder, 'node_modules'))
    for (const name of ['fast-xml-parser', 'csv-parse', 'csv-stringify', 'jsonata'])
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    symlinkSync(root, join(folder, 'node_modules/good-gateway'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    upstream = await listen(
      createServer((req, res) => {
        let body = ''
        req.setEncoding('utf8').on('data', (text: string) => (body += text))
        req.on('end', () => {
          arrived = { url: req.url ?? '', headers: req.headers, body }
          res.writeHead(200, { 'Content-Type': answer[0] }).end(answer[1])
        })
      }),
    )
    const chosen = transform(() => recipe)
    gateway = await listen(
      createServer(
        listener(problemDetails(), chosen, (req, res) => forward(req, res, upstream.url)),
      ),
    )
  })

  after(async () => {
    await gateway.close()
    await upstream.close()
    rmSync(folder, { recursive: true })
  })

  async function load(name: string): Promise<void> {
    const file = join(folder, `${name}.ts`)
    writeFileSync(file, exampleOf(name))
    const loaded = (await import(file)) as Record<string, Transformer>
    recipe = loaded[name] ?? assert.fail(name)
  }

  const post = (body: string, type = 'application/json', path = '/') =>
    fetch(gateway.url + path, { method: 'POST', headers: { 'Content-Type': type }, body })

  it('JSON becomes a form', async () => {
    await load('jsonToForm')
    await post('{"a":"x y","n":1}')
    assert.equal(arrived?.body, 'a=x+y&n=1')
    assert.equal(arrived?.headers['content-type'], 'application/x-www-form-urlencoded')
  })

  it('what a form cannot say is request_unsupported, at its place', async () => {
    await load('jsonToForm')
    const response = await post('{"a":{"b":1}}')
    const { code, errors } = (await response.json()) as { code: string; errors: object[] }
    assert.deepEqual([response.status, code], [400, 'request_unsupported'])
    assert.deepEqual(errors, [
      { in: 'body', pointer: '#/a', code: 'type', detail: 'must be a plain value' },
    ])
  })

  it('a form becomes JSON', async () => {
    await load('formToJson')
    await post('a=x+y&n=1', 'application/x-www-form-urlencoded')
    assert.equal(arrived?.body, '{"a":"x y","n":"1"}')
    assert.equal(arrived?.headers['content-type'], 'application/json')
  })

  it('JSON becomes XML, and XML JSON', async () => {
    await load('jsonToXml')
    answer = ['application/xml', '<orders><item><sku>A&amp;B</sku></item></orders>']
    const response = await post('{"sku":"A&B","qty":2}')
    assert.equal(arrived?.body, '<order><sku>A&amp;B</sku><qty>2</qty></order>')
    assert.equal(arrived?.headers['content-type'], 'application/xml')
    assert.equal(response.headers.get('content-type'), 'application/json')
    assert.deepEqual(await response.json(), { orders: { item: [{ sku: 'A&amp;B' }] } })
  })

  it('XML that is broken, or expands entities, is 502', async () => {
    await load('jsonToXml')
    answer = ['application/xml', '<orders><item></orders>']
    assert.equal((await post('{}')).status, 502)
  })

  it('JSON becomes CSV, and CSV JSON', async () => {
    await load('jsonToCsv')
    answer = ['text/csv; charset=utf-8', 'sku,qty\nA,1\n"B,C",2\n']
    const response = await post('[{"sku":"=1+1","qty":1}]')
    assert.equal(arrived?.body, "sku,qty\n'=1+1,1\n")
    assert.equal(arrived?.headers['content-type'], 'text/csv')
    assert.deepEqual(await response.json(), [
      { sku: 'A', qty: '1' },
      { sku: 'B,C', qty: '2' },
    ])
  })

  it('JSONata makes a summary', async () => {
    await load('summary')
    answer = [
      'application/json',
      '{"id":7,"items":[{"price":2,"quantity":3},{"price":1,"quantity":1}]}',
    ]
    const response = await fetch(gateway.url)
    assert.deepEqual(await response.json(), { id: 7, total: 7 })
  })

  it('clients of version 1 use version 2', async () => {
    await load('v1OnV2')
    answer = ['application/json', '{"id":1,"customer_id":"c","currency":"EUR"}']
    const response = await post('{"customer":"c"}', 'application/json', '/v1/orders?a=1')
    assert.equal(arrived?.url, '/v2/orders?a=1')
    assert.equal(arrived?.body, '{"customer_id":"c","currency":"EUR"}')
    assert.deepEqual(await response.json(), { id: 1, customer: 'c' })
    assert.equal((await fetch(`${gateway.url}/v1/orders`)).status, 200)
    assert.equal(arrived?.url, '/v2/orders')
  })
})
