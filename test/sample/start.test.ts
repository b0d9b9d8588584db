import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { faultNames } from '../../docs/sample-proxy/fault-table.js'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen } from '../support/servers.js'

const root = join(import.meta.dirname, '../..')

/** The sample as `npm start` runs it, after its build. */
class Sample {
  readonly child: ChildProcess
  #output = ''

  constructor(env: NodeJS.ProcessEnv) {
    this.child = spawn(process.execPath, ['--import', 'tsx', 'docs/sample-proxy/main.ts'], {
      cwd: root,
      env: { ...process.env, PORT: '0', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (part: string) => (this.#output += part))
    }
  }

  get output(): string {
    return this.#output
  }

  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = pattern.exec(this.#output)
      if (found) return found
      assert.equal(this.child.exitCode, null, this.#output)
      await Promise.race([once(this.child.stdout ?? this.child, 'data'), once(this.child, 'exit')])
    }
  }

  async port(): Promise<number> {
    return Number((await this.printed(/listens on http:\/\/127\.0\.0\.1:(\d+)/))[1])
  }

  async exit(signal?: NodeJS.Signals): Promise<number | null> {
    if (this.child.exitCode !== null) return this.child.exitCode
    const exited = once(this.child, 'exit')
    if (signal) this.child.kill(signal)
    const [code] = (await exited) as [number | null]
    return code
  }
}

describe('npm start', function () {
  this.timeout(60_000)

  it('prints a curl line for each behaviour, and serves the same text at /', async () => {
    const sample = new Sample({})
    try {
      const port = await sample.port()
      for (const name of faultNames) {
        assert.match(sample.output, new RegExp(`curl .*/faults/${name}\\n`))
        assert.match(sample.output, new RegExp(`curl .*/bare/faults/${name}\\n`))
      }
      const { status, body } = await sendRaw(port, getLine('/'))
      assert.equal(status, 200)
      assert.ok(sample.output.includes(body.trim()))
    } finally {
      assert.equal(await sample.exit('SIGTERM'), 0)
    }
  })

  it('has its status page, and its probes', async () => {
    const sample = new Sample({})
    try {
      const port = await sample.port()
      await sendRaw(port, getLine('/faults/refused'))
      const local = (path: string) => getLine(path).replace('Host: gateway', 'Host: localhost')
      const { status, body } = await sendRaw(port, local('/status'))
      assert.equal(status, 200)
      for (const told of ['Gateway status', 'faults-refused', 'upstream_refused'])
        assert.ok(body.includes(told), told)
      assert.equal((await sendRaw(port, getLine('/status'))).status, 404)
      assert.equal((await sendRaw(port, getLine('/readyz'))).status, 200)
    } finally {
      assert.equal(await sample.exit('SIGTERM'), 0)
    }
  })

  it('answers a fault where the bare proxy crashes, and goes on after the crash', async () => {
    const sample = new Sample({})
    try {
      const port = await sample.port()
      const guarded = await sendRaw(port, getLine('/faults/bad-status'))
      assert.equal(problemIn(guarded).code, 'upstream_protocol_error')
      const bare = await sendRaw(port, getLine('/bare/faults/bad-status'))
      assert.equal(bare.text, '')
      await sample.printed(/The bare proxy has crashed/)
      const again = await sendRaw(port, getLine('/bare/faults/refused'))
      assert.equal(again.status, 500)
      assert.equal((await sendRaw(port, getLine('/faults/500'))).status, 500)
    } finally {
      assert.equal(await sample.exit('SIGINT'), 0)
    }
  })

  it('lets an open request finish when it is asked to end', async () => {
    const sample = new Sample({})
    const port = await sample.port()
    const client = connect(port, '127.0.0.1')
    client.write(getLine('/faults/slow?ms=700'))
    await once(client, 'connect')
    // Another answer proves that the first request was read before the signal.
    await sendRaw(port, getLine('/orders/1'))
    const exited = sample.exit('SIGTERM')
    // As npm does, and a terminal that sends it to the whole group.
    sample.child.kill('SIGTERM')
    const chunks: Buffer[] = []
    client.on('data', (part: Buffer) => chunks.push(part))
    await once(client, 'close')
    assert.match(Buffer.concat(chunks).toString(), /^HTTP\/1\.1 200 .*"after_ms":700/s)
    assert.equal(await exited, 0)
  })

  it('puts a real upstream behind the proxy', async () => {
    const upstream = await listen(createServer((req, res) => res.end(`real ${req.url}`)))
    const sample = new Sample({ UPSTREAM_URL: upstream.url })
    try {
      const port = await sample.port()
      const { body } = await sendRaw(port, getLine('/anything?x=1'))
      assert.match(body, /real \/anything\?x=1/)
    } finally {
      await sample.exit('SIGTERM')
      await upstream.close()
    }
  })

  for (const [name, value] of [
    ['PORT', 'http'],
    ['PORT', '70000'],
    ['UPSTREAM_URL', 'localhost:8080'],
  ] as const) {
    it(`refuses ${name}=${value} with one line and exit code 1`, async () => {
      const sample = new Sample({ [name]: value })
      assert.equal(await sample.exit(), 1)
      assert.match(sample.output, new RegExp(`^${name}="?${value}"? .*\\n$`))
    })
  }

  it('says so in one line when the port is in use', async () => {
    const other = await listen(createServer())
    const sample = new Sample({ PORT: String(other.port) })
    try {
      assert.equal(await sample.exit(), 1)
      assert.match(sample.output, new RegExp(`^PORT=${other.port} is in use: .*\\n$`))
    } finally {
      await other.close()
    }
  })
})
