import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { createServer } from 'node:http'
import { Writable } from 'node:stream'
import { breakers, circuitBreaker, listener, problemDetails, routes, validate } from 'good-gateway'
import { type LogOptions, logProblems, type ProblemLogger } from 'good-gateway/log'
import { pino } from 'pino'
import winston from 'winston'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { rememberCircuits } from '../support/circuits.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { type Listening, listen, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

type LogLine = Readonly<Record<string, unknown>>

/** A real logger, and the lines that it has written. */
interface Logging {
  readonly logger: ProblemLogger
  lines(): LogLine[]
  /** The level of a line, in words. */
  level(line: LogLine): unknown
  message(line: LogLine): unknown
  stop?(): void
}

function collector(): { stream: Writable; lines: () => LogLine[] } {
  let text = ''
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      text += chunk.toString()
      done()
    },
  })
  const lines = () => text.split('\n').filter(Boolean)
  return { stream, lines: () => lines().map((line) => JSON.parse(line) as LogLine) }
}

const loggers: Readonly<Record<string, () => Logging>> = {
  pino() {
    const { stream, lines } = collector()
    const { labels } = pino.levels
    return {
      logger: pino(stream),
      lines,
      level: ({ level }) => labels[Number(level)],
      message: ({ msg }) => msg,
    }
  },
  winston() {
    const { stream, lines } = collector()
    const logger = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
    return { logger, lines, level: ({ level }) => level, message: ({ message }) => message }
  },
  'a child of winston'() {
    const { stream, lines } = collector()
    const parent = winston.createLogger({ transports: [new winston.transports.Stream({ stream })] })
    const logger = parent.child({ service: 'edge' })
    return { logger, lines, level: ({ level }) => level, message: ({ message }) => message }
  },
  console() {
    const { stream, lines } = collector()
    const logger = new console.Console(stream)
    return { logger, lines, level: ({ level }) => level, message: ({ message }) => message }
  },
}

/** A problem as it is published. */
const made = (code: string, upstream?: string, status = 502) => ({
  exchange: undefined,
  code,
  cause: 'dependency',
  status,
  detail: 'The upstream refused.',
  upstream,
  method: 'GET',
  path: '/',
  reported: false,
  afterHead: false,
})

for (const [name, start] of Object.entries(loggers)) {
  describe(`logProblems with ${name}`, () => {
    const forward = createForward()
    const upstream = `logged by ${name}`
    let release: () => void
    let gateway: Listening
    let logging: Logging
    let problems: { stop(): void } | undefined

    before(async () => {
      release = rememberCircuits()
      gateway = await listen(
        createServer(
          listener(
            problemDetails(),
            routes({
              '/orders/:id': circuitBreaker({ name: upstream }),
              '/checked': validate({ query: { required: ['q'] } }),
            }),
            (req, res) => forward(req, res, nobody.url),
          ),
        ),
      )
    })
    after(async () => {
      await gateway.close()
      release()
    })
    beforeEach(() => (logging = start()))
    afterEach(() => problems?.stop())

    const begin = (options?: LogOptions) => (problems = logProblems(logging.logger, options))
    const ask = (path: string, ...headers: string[]) =>
      sendRaw(gateway.port, getLine(path, ...headers))
    const levels = () => logging.lines().map((line) => logging.level(line))

    it('writes an error for a failure, with what is needed to find it', async () => {
      begin()
      await ask('/orders/1?token=quite-a-secret', 'Authorization: Bearer quite-a-secret')
      await until(() => logging.lines().length === 1)
      const [line] = logging.lines()
      assert.ok(line)
      assert.equal(logging.level(line), 'error')
      assert.match(String(logging.message(line)), /^upstream_refused: /)
      const { code, status, cause, route, path, method, requestId, retryable } = line
      assert.deepEqual(
        { code, status, cause, route, path, method, retryable, upstream: line['upstream'] },
        {
          code: 'upstream_refused',
          status: 502,
          cause: 'dependency',
          route: '/orders/:id',
          path: '/orders/1',
          method: 'GET',
          retryable: true,
          upstream,
        },
      )
      assert.equal(typeof requestId, 'string')
      assert.equal((line['error'] as { code?: string }).code, 'ECONNREFUSED')
      assert.doesNotMatch(JSON.stringify(line), /quite-a-secret/)
    })

    it('warns of what a circuit refuses, and informs about what a client does wrong', async () => {
      begin()
      breakers.get(upstream)?.open()
      await ask('/orders/1')
      await ask('/checked')
      breakers.get(upstream)?.close()
      await until(() => logging.lines().length === 4)
      // The circuit, what it refuses, the client’s mistake, the circuit.
      assert.deepEqual(levels(), ['warn', 'warn', 'info', 'info'])
      const [opened] = logging.lines()
      assert.deepEqual(
        [opened?.['circuit'], opened?.['from'], opened?.['to'], opened?.['reason']],
        [upstream, 'closed', 'held', 'by_hand'],
      )
    })

    it('writes 10,000 problems of a second as 11 lines, and counts exactly', () => {
      begin({ per: 60_000 })
      for (let count = 0; count < 10_000; count++) {
        channel('good-gateway:problem').publish(made('upstream_refused', 'a'))
        if (count % 10 === 0) channel('good-gateway:problem').publish(made('upstream_timeout', 'a'))
        if (count % 100 === 0)
          channel('good-gateway:problem').publish(made('upstream_refused', 'b'))
      }
      problems?.stop()
      const written = (code: string, of: string) =>
        logging.lines().filter((line) => line['code'] === code && line['upstream'] === of)
      const refused = written('upstream_refused', 'a')
      assert.equal(refused.length, 11)
      assert.equal(refused.at(-1)?.['suppressed'], 9_990)
      assert.equal(logging.level(refused.at(-1) ?? {}), 'error')
      assert.equal(written('upstream_timeout', 'a').at(-1)?.['suppressed'], 990)
      assert.equal(written('upstream_refused', 'b').at(-1)?.['suppressed'], 90)
    })

    it('tells how many it has left out once the time is over, and then writes again', async () => {
      begin({ burst: 2, per: 200 })
      const publish = () => channel('good-gateway:problem').publish(made('upstream_refused', 'a'))
      for (let count = 0; count < 5; count++) publish()
      await until(() => logging.lines().length === 3)
      assert.equal(logging.lines()[2]?.['suppressed'], 3)
      publish()
      await until(() => logging.lines().length === 4)
      assert.equal(logging.lines()[3]?.['suppressed'], undefined)
    })

    it('tells it at the end of each period, though that of another upstream ends later', async () => {
      begin({ burst: 1, per: 400 })
      const publish = (of: string) =>
        channel('good-gateway:problem').publish(made('upstream_refused', of))
      const middle = performance.now() + 200
      publish('a')
      await until(() => performance.now() > middle)
      for (const of of ['b', 'b', 'a']) publish(of)
      await until(() => logging.lines().length === 3)
      const [, , rest] = logging.lines()
      assert.deepEqual([rest?.['upstream'], rest?.['suppressed']], ['a', 1])
      await until(() => logging.lines().length === 4)
    })

    it('counts what is left when it is stopped', () => {
      begin({ burst: 1, per: 60_000 })
      for (let count = 0; count < 3; count++)
        channel('good-gateway:problem').publish(made('upstream_refused', 'a'))
      problems?.stop()
      const [, line] = logging.lines()
      assert.equal(line?.['suppressed'], 2)
      channel('good-gateway:problem').publish(made('upstream_refused', 'a'))
      assert.equal(logging.lines().length, 2)
    })

    it('never leaves out a change of a circuit, and says no key of it', async () => {
      begin({ burst: 1 })
      const change = {
        name: 'a',
        key: 'quite-a-secret',
        from: 'closed',
        to: 'open',
        reason: 'failures',
      }
      for (let count = 0; count < 50; count++) channel('good-gateway:circuit').publish(change)
      await until(() => logging.lines().length === 50)
      assert.doesNotMatch(JSON.stringify(logging.lines()), /quite-a-secret/)
    })

    it('calls the fields as the Elastic Common Schema does', async () => {
      begin({ fields: 'ecs' })
      await ask('/orders/1')
      await until(() => logging.lines().length === 1)
      const [line = {}] = logging.lines()
      assert.equal(line['error.code'], 'upstream_refused')
      assert.equal(line['event.dataset'], 'good-gateway')
      assert.equal(line['http.response.status_code'], 502)
      assert.equal(line['http.request.method'], 'GET')
      assert.equal(line['url.path'], '/orders/1')
      assert.equal(line['good_gateway.upstream.name'], upstream)
    })

    it('calls the fields as OpenTelemetry does', async () => {
      begin({ fields: 'otel' })
      const trace = '0af7651916cd43dd8448eb211c80319c'
      await ask('/orders/1', `traceparent: 00-${trace}-b7ad6b7169203331-01`)
      await until(() => logging.lines().length === 1)
      const [line = {}] = logging.lines()
      assert.equal(line['error.type'], 'upstream_refused')
      assert.equal(line['good_gateway.code'], 'upstream_refused')
      assert.equal(line['http.route'], '/orders/:id')
      assert.equal(line['exception.type'], 'ECONNREFUSED')
      assert.equal(line['trace_id'], trace)
    })
  })
}

describe('logProblems', () => {
  it('warns once of a logger that throws, and harms no request', async () => {
    const fails = (): never => {
      throw new Error('the disk is full')
    }
    const problems = logProblems({ error: fails, warn: fails, info: fails })
    const warnings: string[] = []
    const hear = ({ message }: Error) => warnings.push(message)
    process.on('warning', hear)
    for (let count = 0; count < 3; count++)
      channel('good-gateway:problem').publish(made('upstream_refused'))
    await until(() => warnings.length > 0)
    process.off('warning', hear)
    problems.stop()
    assert.deepEqual(warnings, [
      'good-gateway: a listener of events threw: Error: the disk is full',
    ])
  })

  it('writes again in the next second, also where it has left nothing out', async () => {
    const { stream, lines } = collector()
    const problems = logProblems(pino(stream), { burst: 1, per: 5 })
    const publish = () => channel('good-gateway:problem').publish(made('upstream_refused', 'a'))
    publish()
    const begun = performance.now()
    await until(() => performance.now() - begun > 5)
    publish()
    problems.stop()
    assert.deepEqual(
      lines().map((line) => line['suppressed']),
      [undefined, undefined],
    )
  })

  it('keeps a bounded number of kinds apart', () => {
    const { stream, lines } = collector()
    const problems = logProblems(pino(stream), { burst: 1, per: 60_000 })
    for (let count = 0; count < 5000; count++)
      for (let twice = 0; twice < 2; twice++)
        channel('good-gateway:problem').publish(made('upstream_refused', `upstream ${count}`))
    problems.stop()
    const suppressed = lines().reduce((sum, line) => sum + Number(line['suppressed'] ?? 0), 0)
    assert.equal(suppressed, 5000)
  })

  it('refuses what is no logger, and options that are wrong', () => {
    assert.throws(() => logProblems({} as ProblemLogger), /pass a logger of pino or winston/)
    assert.throws(() => logProblems(console, { burst: 0 }), /option "burst" must be a whole number/)
    const fields = 'xml' as 'plain'
    assert.throws(() => logProblems(console, { fields }), /option "fields" must be "plain" or/)
  })
})
