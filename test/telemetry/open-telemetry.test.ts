import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import * as api from '@opentelemetry/api'
import { type ErrorInfo, listener, problemDetails } from 'good-gateway'
import { openTelemetry } from 'good-gateway/opentelemetry'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen, nobody } from '../support/servers.js'
import type { Measured, Report, Told } from './traced.js'

const { UNSET, ERROR } = api.SpanStatusCode

/** What the span of the server says of each row: its status and its attributes. */
const SPANS: Readonly<Record<string, readonly [status: number, ...attributes: unknown[]]>> = {
  // row: status of the span, of HTTP, code, cause, retryable, error.type, who answered
  passed: [UNSET, 200, undefined, undefined, undefined, undefined, 'upstream'],
  refused: [ERROR, 502, 'upstream_refused', 'dependency', true, 'upstream_refused', 'gateway'],
  timeout: [ERROR, 504, 'upstream_timeout', 'overload', true, 'upstream_timeout', 'gateway'],
  open: [ERROR, 503, 'circuit_open', 'dependency', true, 'circuit_open', 'gateway'],
  invalid: [UNSET, 400, 'request_invalid', 'format', false, undefined, 'gateway'],
  broken: [
    ERROR,
    200,
    'upstream_response_incomplete',
    'network',
    true,
    'upstream_response_incomplete',
    'upstream',
  ],
  left: [UNSET, 499, 'client_closed_request', 'client', false, undefined, 'nobody'],
  leftLate: [UNSET, 200, 'client_closed_request', 'client', false, undefined, 'upstream'],
  missing: [UNSET, 404, undefined, undefined, undefined, undefined, 'upstream'],
  own: [UNSET, 404, undefined, undefined, undefined, undefined, 'application'],
}

const saidBy = ({ status, attributes }: Told['span'], errorType: unknown): unknown[] => [
  status,
  attributes['http.response.status_code'] ?? attributes['http.status_code'],
  attributes['good_gateway.code'],
  attributes['good_gateway.cause'],
  attributes['good_gateway.retryable'],
  errorType,
  attributes['good_gateway.answered_by'],
]

/** The value of a histogram, and what it is measured for. */
interface Distribution {
  readonly count: number
  readonly buckets: { readonly boundaries: readonly number[] }
  readonly [attribute: string]: unknown
}

/** The versions of the SDK: the one that is installed, and that of a folder that somebody names. */
const folders = ['', ...(process.env['OTEL_FROM'] ? [process.env['OTEL_FROM']] : [])]

for (const from of folders) {
  describe(`openTelemetry with the SDK${from && ` of ${from}`}`, function () {
    this.timeout(60_000)
    let report: Report
    before(async () => {
      const program = join(import.meta.dirname, 'traced.ts')
      const env: NodeJS.ProcessEnv = { ...process.env, ...(from && { OTEL_FROM: from }) }
      if (from === '') delete env['OTEL_FROM']
      const arguments_ = ['--import', 'tsx', program]
      const { stdout } = await promisify(execFile)(process.execPath, arguments_, {
        env,
        maxBuffer: 2 ** 24,
      })
      report = JSON.parse(stdout) as Report
    })

    const each = (row: string): readonly Told[] => {
      const found = report.told.filter(({ name }) => name === row)
      // Over http and fetch, on Koa and on node:http.
      assert.equal(found.length, 4, row)
      return found
    }
    const measured = (name: string): Measured => {
      const found = report.measured.find((metric) => metric.name === name)
      assert.ok(found, name)
      return found
    }

    for (const [row, said] of Object.entries(SPANS))
      it(`says on the span of the server what became of the request: ${row}`, () => {
        for (const { span, transport, host } of each(row)) {
          // Version 3 puts the status of HTTP in the place of ours.
          const told = span.attributes['error.type']
          const type = told === String(said[1]) ? said[5] : told
          assert.deepEqual(saidBy(span, type), said, `${row} over ${transport} on ${host}`)
        }
      })

    it('names the upstream and the route, and gives the id of the request', () => {
      for (const row of ['refused', 'timeout', 'open', 'broken', 'left'])
        for (const { span, host } of each(row)) {
          assert.equal(span.attributes['good_gateway.upstream.name'], `${row} on ${host}`)
          assert.equal(span.attributes['http.route'], `/${row}/:transport/:host`)
          assert.equal(span.name, `GET /${row}/:transport/:host`)
          assert.match(String(span.attributes['good_gateway.request_id']), /^[\da-f-]{36}$/)
        }
    })

    it('gives the log hook the ids of the span of the server', () => {
      for (const { info, span } of report.told.filter((told) => told.info !== undefined)) {
        assert.equal(info?.traceId, span.traceId)
        assert.equal(info?.spanId, span.spanId)
      }
      assert.equal(new Set(report.told.map(({ span }) => span.spanId)).size, report.told.length)
    })

    it('measures in seconds by the conventions, with the error of the span', () => {
      const { unit, points } = measured('good_gateway.request.duration')
      assert.equal(unit, 's')
      const of = (row: string) => {
        const route = `/${row}/:transport/:host`
        const point = points.find(({ attributes }) => attributes['http.route'] === route)
        assert.ok(point, row)
        return { ...point.attributes, ...(point.value as Distribution) }
      }
      const { count, buckets, ...refused } = of('refused')
      assert.equal(count, 4)
      assert.deepEqual(buckets.boundaries.slice(0, 3), [0.005, 0.01, 0.025])
      assert.equal(refused['http.request.method'], 'GET')
      assert.equal(refused['http.response.status_code'], 502)
      assert.equal(refused['good_gateway.code'], 'upstream_refused')
      assert.equal(refused['good_gateway.answered_by'], 'gateway')
      assert.equal(refused['error.type'], 'upstream_refused')
      assert.equal(of('broken')['error.type'], 'upstream_response_incomplete')
      assert.equal(of('left')['http.response.status_code'], 499)
      assert.equal(of('left')['error.type'], undefined)
      assert.equal(of('invalid')['error.type'], undefined)
    })

    it('measures what the gateway adds, the calls, and the circuits', () => {
      for (const name of [
        'good_gateway.request.overhead',
        'good_gateway.upstream.connect.duration',
        'good_gateway.upstream.first_byte.duration',
        'good_gateway.upstream.request.duration',
      ])
        assert.equal(measured(name).unit, 's')
      const held = measured('good_gateway.circuit.state').points.filter(
        ({ attributes, value }) =>
          attributes['good_gateway.circuit.state'] === 'held' && value === 1,
      )
      assert.deepEqual(
        held.map(({ attributes }) => attributes['good_gateway.circuit.name']),
        ['open on koa', 'open on http'],
      )
      const [refusals] = measured('good_gateway.circuit.refusals').points
      assert.equal(refusals?.value, 2)
    })

    it('has the metric of the instrumentation say 499, too, of a client that has left', () => {
      const { points } = measured('http.server.request.duration')
      const left = points.find(
        ({ attributes }) => attributes['http.route'] === '/left/:transport/:host',
      )
      assert.equal(left?.attributes['http.response.status_code'], 499)
    })
  })
}

describe('openTelemetry without an SDK', () => {
  it('changes nothing', async () => {
    const infos: ErrorInfo[] = []
    const telemetry = openTelemetry(api)
    const forward = createForward()
    const gateway = await listen(
      createServer(
        listener(problemDetails({ onError: (_, info) => infos.push(info) }), (req, res) =>
          forward(req, res, nobody.url),
        ),
      ),
    )
    try {
      const received = await sendRaw(gateway.port, getLine('/'))
      assert.equal(problemIn(received).code, 'upstream_refused')
      assert.equal(infos[0]?.traceId, undefined)
      assert.equal(infos[0]?.spanId, undefined)
    } finally {
      await gateway.close()
      telemetry.stop()
    }
  })

  it('refuses what is not the api, and options that are wrong', () => {
    assert.throws(() => openTelemetry({} as typeof api), /pass the object of @opentelemetry\/api/)
    const traces = 'yes' as unknown as boolean
    assert.throws(() => openTelemetry(api, { traces }), /option "traces" must be true or false/)
  })
})
