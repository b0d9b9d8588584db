import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { breakers, circuitBreaker, listener, problemDetails } from 'good-gateway'
import { createForward } from '../../docs/sample-proxy/forward.js'
import type { Events } from '../../src/common/event-shapes.js'
import { version } from '../../src/common/version.js'
import { metrics } from '../../src/telemetry/metrics.js'
import { rememberCircuits } from '../support/circuits.js'
import { recordEvents } from '../support/events.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen, nobody } from '../support/servers.js'
import { until } from '../support/until.js'

const root = join(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/guide/operations.md'), 'utf8')

/** The cells of the rows of a table whose first cell is a name in this form. */
const rows = (first: RegExp): string[][] =>
  page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
    .filter(([name = '']) => first.test(name))

const names = (cell = ''): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

describe('the page about operations', () => {
  it('lists the metrics with their types and labels', () => {
    const listed = rows(/^`\w+`$/).filter(([, type = '']) =>
      ['counter', 'histogram', 'gauge'].includes(type),
    )
    assert.deepEqual(
      listed.map(([name, type, labels]) => [names(name)[0], type, names(labels)]),
      Object.entries(metrics).map(([name, { type, labels }]) => [name, type, [...labels]]),
    )
  })

  it('lists the fields of the events', async () => {
    const recorded = recordEvents()
    const release = rememberCircuits()
    const forward = createForward()
    const gateway = await listen(
      createServer(
        listener(problemDetails(), circuitBreaker({ name: 'documented' }), (req, res) =>
          forward(req, res, nobody.url),
        ),
      ),
    )
    try {
      await sendRaw(gateway.port, getLine('/'))
      breakers.get('documented')?.open()
      await sendRaw(gateway.port, getLine('/'))
      await until(() => recorded.of('request:end').length === 2)
    } finally {
      await gateway.close()
      recorded.stop()
      release()
    }
    const listed = rows(/^`good-gateway:/)
    assert.equal(listed.length, 7)
    for (const [channel, , fields] of listed) {
      const name = names(channel)[0]?.replace('good-gateway:', '') as keyof Events
      // Who has no fleet has none to tell of.
      if (name === 'fleet') continue
      const [event] = recorded.of(name)
      assert.deepEqual(names(fields), Object.keys(event ?? {}), name)
    }
  })
})

describe('the version that the metrics tell', () => {
  it('is that of the package', () => {
    const { version: published } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      version: string
    }
    assert.equal(version, published)
  })
})
