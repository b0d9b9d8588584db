import assert from 'node:assert/strict'
import { createServer, get } from 'node:http'
import { circuitBreaker, listener, problemDetails } from 'good-gateway'
import { extraFaults, type FaultName, faultNames } from '../../docs/sample-proxy/fault-table.js'
import { type Faults, startFaults } from '../../docs/sample-proxy/faults.js'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { type Listening, listen } from '../support/servers.js'
import { diagnosed, found } from './command.js'

/** The path gives the slow fault less to do. */
const PATH = '/?ms=100'

/** What a gateway cannot say of an answer that passes by it, and the command can. */
const EXTRAS: Readonly<Record<(typeof extraFaults)[number], string>> = {
  'hang-up': 'upstream_connection_lost',
  'rst-close-delimited': 'upstream_response_incomplete',
  'head-then-fin': 'upstream_response_incomplete',
  'stall-body': 'upstream_idle_timeout',
  'sse-idle': 'upstream_idle_timeout',
  '404': 'request_rejected',
  '502-no-date': 'upstream_error',
}

/** The head is out when these begin, so there is no body of the gateway's. */
const CUT = new Set<FaultName>(['truncated', 'truncated-chunked', 'truncated-sse', 'rst'])

describe('diagnose and the faults of the sample', function () {
  this.timeout(30_000)
  let faults: Faults
  let gateway: Listening
  /** The codes that the log of the guarded proxy has, by fault. */
  const logged = new Map<string, string>()

  before(async () => {
    faults = await startFaults()
    const forward = createForward()
    const nameIn = (url = ''): FaultName => url.split(/[/?]/)[1] as FaultName
    const guards = new Map(
      faultNames.map((name) => [name, circuitBreaker({ name: `diagnose-${name}`, timeout: 1000 })]),
    )
    gateway = await listen(
      createServer(
        listener(
          problemDetails({
            name: 'guard',
            upstreamErrors: 'wrap',
            onError: (_error, { code, path }) => void logged.set(nameIn(path), code),
          }),
          (req, res, next) => guards.get(nameIn(req.url))?.(req, res, next),
          (req, res) => forward(req, res, faults.target(nameIn(req.url))),
        ),
      ),
    )
  })
  after(async () => {
    await gateway.close()
    await faults.close()
  })

  /** What the guarded proxy makes of a fault: the code in its log, undefined when it has none. */
  async function guarded(name: FaultName): Promise<string | undefined> {
    await new Promise<void>((resolve) => {
      const call = get(`${gateway.url}/${name}${PATH}`, { agent: false }, (res) => {
        res.resume().once('close', resolve).on('error', resolve)
      })
      call.on('error', () => resolve())
    })
    return logged.get(name)
  }

  for (const name of faultNames) {
    it(`asked itself, "${name}" gets the code that the guarded proxy gives it`, async () => {
      const report = await diagnosed([faults.target(name) + PATH])
      const expected = await guarded(name)
      assert.equal(report.code ?? undefined, expected, JSON.stringify(report, null, 1))
      assert.equal(report.exit, expected === undefined ? 0 : 1)
      assert.equal(report.healthy, expected === undefined)
    })

    it(`asked through the guarded proxy, "${name}" is told by its body`, async () => {
      const expected = await guarded(name)
      const report = await diagnosed(['--timeout', '2', `${gateway.url}/${name}${PATH}`])
      assert.equal(report.code ?? undefined, expected, JSON.stringify(report, null, 1))
      if (expected === undefined || CUT.has(name)) return
      assert.match(found(report, 'answer'), /good-gateway "guard" answers \d{3}/)
      assert.match(found(report, 'answer'), /the standard body of good-gateway/)
      assert.match(report.questions.ask, /good-gateway "guard" .*x-request-id [\da-f-]{36}/)
    })
  }

  for (const name of extraFaults) {
    it(`finds out about "${name}"`, async () => {
      const report = await diagnosed([faults.target(name)])
      assert.equal(report.code, EXTRAS[name], JSON.stringify(report, null, 1))
      assert.equal(report.exit, 1)
      // Half of a body is no body with a fault.
      assert.doesNotMatch(found(report, 'payload'), /says that it is JSON, and is not/)
    })
  }

  it('reads the error event that the guarded proxy adds to a stream, with its id', async () => {
    const report = await diagnosed([`${gateway.url}/truncated-sse${PATH}`])
    assert.match(found(report, 'payload'), /fault: the stream has an error event of good-gateway/)
    // The event says who has cut the stream, and the cut alone does not.
    assert.match(report.sentence, /error event of good-gateway/)
    assert.match(report.questions.logs, /request_id [\da-f-]{36}/)
  })
})
