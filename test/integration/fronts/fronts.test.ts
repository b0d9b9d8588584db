import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { createServer as createTcpServer, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'
import { listener, type Problem, problemDetails } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { read } from '../../support/documents.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'
import { until } from '../../support/until.js'

const run = promisify(execFile)

/** What the guide says to set. */
function settings(language: string): string {
  const [, text = ''] =
    new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, 'm').exec(read('docs/guide/fronts.md')) ?? []
  assert.notEqual(text, '')
  return text
}

/** A program that stands in front of the gateway. */
interface Front {
  readonly program: string
  readonly version: string
  /** The file of its settings, and the arguments that it is started with. */
  configure(folder: string, change: (text: string) => string): string[]
}

const fronts: readonly Front[] = [
  {
    program: 'nginx',
    version: '-v',
    configure(folder, change) {
      const file = join(folder, 'nginx.conf')
      const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${folder}/${name};`)
        .join('\n')
      writeFileSync(
        file,
        `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
         events {} http { access_log off; ${paths}\n${change(settings('nginx'))}\n}`,
      )
      return ['-p', folder, '-c', file]
    },
  },
  {
    program: 'haproxy',
    version: '-v',
    configure(folder, change) {
      const file = join(folder, 'haproxy.cfg')
      writeFileSync(file, change(settings('haproxy')))
      return ['-db', '-f', file]
    },
  },
]

/** A port that is free now; programs of others cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = await listen(createTcpServer() as never)
  await server.close()
  return server.port
}

const isOpen = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })

/** Starts a front before a gateway, works with it, and ends it. */
async function behind(
  { program, configure }: Front,
  gateway: Listening,
  work: (port: number) => Promise<void>,
  change = (text: string) => text,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'good-gateway-front-'))
  const port = await freePort()
  const place = (text: string) =>
    change(text)
      .replaceAll('127.0.0.1:3000', `127.0.0.1:${gateway.port}`)
      .replace('listen 8080', `listen 127.0.0.1:${port}`)
      .replace('bind 127.0.0.1:8080', `bind 127.0.0.1:${port}`)
  const child = spawn(program, configure(folder, place), { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr.setEncoding('utf8').on('data', (part: string) => (output += part))
  const exited = once(child, 'exit')
  try {
    while (!(await isOpen(port))) assert.equal(child.exitCode, null, output)
    await work(port)
  } finally {
    child.kill()
    await exited
    rmSync(folder, { recursive: true, force: true })
  }
}

for (const front of fronts) {
  describe(`a gateway behind ${front.program}, set as the guide says`, function () {
    this.timeout(30_000)
    let origin: Listening
    let gateway: Listening
    /** Ids that the upstream was given. */
    let ids: unknown[]
    let traces: unknown[]

    before(async function () {
      try {
        await run(front.program, [front.version])
      } catch {
        console.log(`      no ${front.program} here: skipped`)
        return this.skip()
      }
      origin = await listen(
        createServer((req, res) => {
          ids.push(req.headers['x-request-id'])
          traces.push(req.headers.traceparent)
          if (req.url === '/own')
            res.writeHead(502, { 'Content-Type': 'text/plain' }).end('own 502')
          else if (req.url === '/lost') req.socket.destroy()
          else if (req.url === '/breaks') res.write('half', () => res.destroy())
          else if (req.url === '/events') {
            res.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
          } else req.pipe(res)
        }),
      )
      const forward = createForward()
      gateway = await listen(
        createServer(
          { keepAliveTimeout: 65_000 },
          listener(problemDetails(), (req, res) =>
            forward(req, res, req.url === '/down' ? nobody.url : origin.url),
          ),
        ),
      )
    })
    beforeEach(() => {
      ids = []
      traces = []
    })
    after(async () => {
      await gateway?.close()
      await origin?.close()
    })

    it('lets the standard bodies and the upstream’s own errors pass', () =>
      behind(front, gateway, async (port) => {
        const down = await fetch(`http://127.0.0.1:${port}/down`)
        const problem = (await down.json()) as Problem
        assert.deepEqual([down.status, problem.code], [502, 'upstream_refused'])
        assert.equal(down.headers.get('content-type'), 'application/problem+json')
        assert.match(down.headers.get('proxy-status') ?? '', /^gateway;error=connection_refused/)
        const own = await fetch(`http://127.0.0.1:${port}/own`)
        assert.deepEqual([own.status, await own.text()], [502, 'own 502'])
      }))

    it('hands one id and one trace through all hops', () =>
      behind(front, gateway, async (port) => {
        const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
        const lost = await fetch(`http://127.0.0.1:${port}/lost`, { headers: { traceparent } })
        const { code, request_id } = (await lost.json()) as Problem
        assert.equal(code, 'upstream_connection_lost')
        assert.match(request_id ?? '', /^[0-9a-f-]{32,36}$/)
        assert.equal(lost.headers.get('x-request-id'), request_id)
        // A front may try a GET again that was lost; each try has an id of the same request.
        assert.ok(ids.includes(request_id), String(ids))
        assert.deepEqual([...new Set(traces)], [traceparent])
      }))

    it('lets a client notice a body that breaks off', () =>
      behind(front, gateway, async (port) => {
        await assert.rejects((await fetch(`http://127.0.0.1:${port}/breaks`)).text())
      }))

    it('sends events on at once', () =>
      behind(front, gateway, async (port) => {
        let seen = ''
        const call = request({ port, host: '127.0.0.1', path: '/events' }, (res) =>
          res.on('error', () => {}).on('data', (part: Buffer) => (seen += part.toString())),
        )
        call.on('error', () => {}).end()
        await until(() => seen === 'data: 1\n\n')
        call.destroy()
      }))

    it('sends large bodies both ways', () =>
      behind(front, gateway, async (port) => {
        const body = 'x'.repeat(500_000)
        const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body })
        assert.ok((await answer.text()) === body, `status ${answer.status}`)
      }))
  })
}

describe('nginx with proxy_intercept_errors', () => {
  it('replaces the standard bodies, as the guide warns', async function () {
    const [nginx] = fronts
    try {
      await run('nginx', ['-v'])
    } catch {
      return this.skip()
    }
    const forward = createForward()
    const gateway = await listen(
      createServer(listener(problemDetails(), (req, res) => forward(req, res, nobody.url))),
    )
    const change = (text: string) =>
      text
        .replace(
          'proxy_intercept_errors off;',
          'proxy_intercept_errors on; error_page 502 =502 @page;',
        )
        .replace('location / {', 'location @page { return 502 "a page"; } location / {')
    try {
      assert.ok(nginx)
      await behind(
        nginx,
        gateway,
        async (port) => {
          const { body } = await sendRaw(port, getLine('/down'))
          assert.match(body, /a page/)
        },
        change,
      )
    } finally {
      await gateway.close()
    }
  })
})
