import assert from 'node:assert/strict'
import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { breakers, circuitBreaker, listener, problemDetails, routes } from 'good-gateway'
import { prometheus } from 'good-gateway/prometheus'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { startUpstreams } from '../../../docs/sample-proxy/upstreams.js'
import { queries } from '../../support/dashboard.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { type Listening, listen, nobody } from '../../support/servers.js'

const isMissing = (program: string): boolean =>
  spawnSync(program, ['--version']).error !== undefined

function skipWithout(this: Mocha.Context, program: string): void {
  if (!isMissing(program)) return
  console.log(`      skipped: ${program} is not installed`)
  this.skip()
}

const metrics = prometheus()

/** A gateway with its metrics at `/metrics`, which has answered well and badly. */
async function startGateway(upstream: string): Promise<Listening> {
  const forward = createForward()
  const guarded = listener(
    problemDetails(),
    routes({
      'GET /orders/:id': circuitBreaker({ name: 'orders' }),
      'GET /gone': circuitBreaker({ name: 'gone "quoted"\\' }),
    }),
    (req, res) => forward(req, res, req.url === '/gone' ? nobody.url : upstream),
  )
  const all: RequestListener = (req, res) => {
    if (req.url !== '/metrics') return guarded(req, res)
    res.setHeader('Content-Type', metrics.contentType)
    res.end(metrics.text())
  }
  const gateway = await listen(createServer(all))
  for (const path of ['/orders/1', '/orders/99', ...Array.from({ length: 12 }, () => '/gone')])
    await sendRaw(gateway.port, getLine(path))
  return gateway
}

describe('the metrics and the programs of Prometheus', function () {
  this.timeout(60_000)
  let gateway: Listening
  let close: () => Promise<void>

  before(async () => {
    const upstreams = await startUpstreams()
    gateway = await startGateway(upstreams.url)
    close = async () => {
      await gateway.close()
      await upstreams.close()
      metrics.stop()
      breakers.releaseAll()
    }
  })
  after(() => close())

  it('promtool finds nothing to complain about', async function () {
    skipWithout.call(this, 'promtool')
    const { body } = await sendRaw(gateway.port, getLine('/metrics'))
    const said = await new Promise<string>((resolve) => {
      const child = execFile('promtool', ['check', 'metrics'], (error, stdout, stderr) =>
        resolve(`${error?.code ?? ''}${stdout}${stderr}`),
      )
      child.stdin?.end(body)
    })
    assert.equal(said, '')
  })

  it('Prometheus scrapes them, and reads each query of the dashboard', async function () {
    skipWithout.call(this, 'prometheus')
    const folder = mkdtempSync(join(tmpdir(), 'good-gateway-prometheus-'))
    const port = await freePort()
    const target = `127.0.0.1:${gateway.port}`
    writeFileSync(
      join(folder, 'prometheus.yml'),
      `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: a, static_configs: [{ targets: ['${target}'] }] }]\n`,
    )
    const server = spawn(
      'prometheus',
      [
        `--config.file=${join(folder, 'prometheus.yml')}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
      ],
      { stdio: 'ignore' },
    )
    const query = (text: string) => ask(port, text)
    try {
      const up = 'good_gateway_requests_total{code="upstream_refused",route="/gone"}'
      // It has to start, and to scrape once.
      while ((await query(up).catch(() => [])).length === 0)
        await new Promise((resolve) => setTimeout(resolve, 100))
      assert.equal((await query(up))[0]?.value[1], '10')
      assert.equal((await query('up'))[0]?.value[1], '1')
      const odd = 'good_gateway_circuit_state{circuit="gone \\"quoted\\"\\\\",state="open"}'
      assert.equal((await query(odd))[0]?.value[1], '1')
      for (const each of queries) await query(each)
    } finally {
      const ended = new Promise((resolve) => server.once('exit', resolve))
      server.kill()
      await ended
      rmSync(folder, { recursive: true })
    }
  })
})

interface Result {
  readonly value: readonly [time: number, value: string]
}

async function ask(port: number, text: string): Promise<readonly Result[]> {
  const url = `http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(text)}`
  const response = await fetch(url)
  const { status, error, data } = (await response.json()) as {
    status: string
    error?: string
    data?: { result: readonly Result[] }
  }
  assert.equal(status, 'success', `${text}: ${error}`)
  return data?.result ?? []
}

async function freePort(): Promise<number> {
  const { port, close } = await listen(createTcpServer())
  await close()
  return port
}
