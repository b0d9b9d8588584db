import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/** A program whose own subscribers throw, on every channel. */
const PROGRAM = `
  import { subscribe } from 'node:diagnostics_channel'
  import { createServer } from 'node:http'
  import { breakers, circuitBreaker, listener, problemDetails } from 'good-gateway'
  let thrown = 0
  let early
  const late = listener(problemDetails(), (req, res) => {
    subscribe('good-gateway:request:end', (end) => early ??= String(end.duration))
    res.end()
  })
  const before = createServer(late)
  await new Promise((resolve) => before.listen(0, '127.0.0.1', resolve))
  await (await fetch('http://127.0.0.1:' + before.address().port)).text()
  await new Promise((resolve) => before.close(resolve).closeIdleConnections())
  process.on('uncaughtException', () => thrown++)
  for (const name of ['request:start', 'request:end', 'call:end', 'problem', 'circuit', 'refusal'])
    subscribe('good-gateway:' + name, () => { throw new Error(name) })
  const app = listener(problemDetails(), circuitBreaker({ name: 'a' }), async (req, res) => {
    await fetch('http://127.0.0.1:29999')
    res.end()
  })
  const server = createServer(app).listen(0, '127.0.0.1', async () => {
    const ask = async () => (await (await fetch('http://127.0.0.1:' + server.address().port)).json()).code
    const codes = [await ask()]
    breakers.get('a').open()
    codes.push(await ask())
    await new Promise((resolve) => server.close(resolve).closeIdleConnections())
    console.log(JSON.stringify({ codes, thrown, early }))
    process.exit()
  })
`

interface Told {
  readonly codes: readonly string[]
  readonly thrown: number
  readonly early: string
}

describe('a subscriber of others that throws', () => {
  it('harms no request, and learns no duration of what began before it', async () => {
    const program = ['--input-type=module', '-e', PROGRAM]
    const { stdout } = await promisify(execFile)(process.execPath, program)
    const { codes, thrown, early } = JSON.parse(stdout) as Told
    assert.deepEqual(codes, ['upstream_refused', 'circuit_open'])
    assert.ok(thrown >= 9, String(thrown))
    // Of the request during which the first one began to listen.
    assert.equal(early, 'undefined')
  })
})
