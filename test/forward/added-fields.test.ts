import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A tracer begins first, as with `--import`; so this needs a process of its own. */
const PROGRAM = `
  import { subscribe } from 'node:diagnostics_channel'
  import { createServer } from 'node:http'
  subscribe('undici:request:create', ({ request }) => {
    if (request.path === '/traced') request.addHeader('traceparent', 'the-tracer')
  })
  const { forward, listener } = await import('good-gateway')
  const listen = (server) => new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve('http://127.0.0.1:' + server.address().port)))
  const upstream = createServer((req, res) => res.end(JSON.stringify(req.rawHeaders)))
  const target = await listen(upstream)
  const gateway = createServer(listener(forward({ target }), (_req, res) => res.end()))
  const url = await listen(gateway)
  const headers = [['traceparent', 'the-client'], ['tracestate', 'a=1']]
  const told = []
  for (const path of ['/traced', '/plain'])
    told.push(await (await fetch(url + path, { headers })).json())
  console.log(JSON.stringify(told))
  process.exit()
`

describe('the fields that a tracer adds to what forward sends', function () {
  this.timeout(60_000)

  it('stand for those of the client', async () => {
    const program = ['--input-type=module', '--eval', PROGRAM]
    const { stdout } = await promisify(execFile)(process.execPath, program)
    const [traced = [], plain = []] = JSON.parse(stdout) as string[][]
    const valuesOf = (fields: readonly string[], name: string) =>
      fields.filter((_, at) => at % 2 === 1 && fields[at - 1]?.toLowerCase() === name)
    assert.deepEqual(valuesOf(traced, 'traceparent'), ['the-tracer'])
    assert.deepEqual(valuesOf(traced, 'tracestate'), ['a=1'])
    assert.deepEqual(valuesOf(plain, 'traceparent'), ['the-client'])
  })
})
