import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import {
  breakers,
  circuitBreaker,
  type Code,
  listener,
  problemDetails,
  validate,
} from 'good-gateway'
import { type Fault, faults, faultyUpstream } from 'good-gateway/testing'
import { createForward } from '../../docs/sample-proxy/forward.js'
import { problemIn } from '../support/problem.js'
import { getLine, sendRaw } from '../support/raw-client.js'
import { listen } from '../support/servers.js'
import { until } from '../support/until.js'

/** A gateway that tells the codes of its log. */
async function gatewayFor(url: string, fault?: Fault) {
  const codes: Code[] = []
  const forward = createForward()
  const gateway = await listen(
    createServer(
      listener(
        problemDetails({
          upstreamErrors: 'wrap',
          onError: (_error, { code }) => void codes.push(code),
        }),
        // It holds responses back, so that those that break off would be answered otherwise.
        ...(fault === 'not-json' ? [validate({ response: { 200: { type: 'object' } } })] : []),
        circuitBreaker({
          name: 'faulty',
          timeout: fault === 'hang' ? 200 : 5000,
          idleTimeout: fault?.startsWith('stall') ? 200 : 5000,
          volumeThreshold: 1000,
        }),
        (req, res) => forward(req, res, url),
      ),
    ),
  )
  return { gateway, codes }
}

describe('faultyUpstream()', () => {
  afterEach(() => breakers.releaseAll())

  for (const [fault, code] of Object.entries(faults) as [Fault, Code | undefined][]) {
    it(`${fault} is ${code ?? 'answered by itself'}`, async () => {
      const upstream = await faultyUpstream(fault)
      const { gateway, codes } = await gatewayFor(upstream.url, fault)
      try {
        const received = await sendRaw(gateway.port, getLine('/orders'))
        if (code === undefined) assert.match(received.body, /"ok"/)
        else await until(() => codes.length > 0)
        assert.deepEqual(codes, code === undefined ? [] : [code])
        assert.equal(upstream.requests, fault === 'refused' ? 0 : 1)
      } finally {
        await gateway.close()
        await upstream.close()
      }
    })
  }

  it('fails, recovers and is refused at one URL', async () => {
    const upstream = await faultyUpstream()
    const { gateway } = await gatewayFor(upstream.url)
    const code = async () => problemIn(await sendRaw(gateway.port, getLine('/'))).code
    try {
      await upstream.set('reset')
      assert.equal(await code(), 'upstream_connection_lost')
      await upstream.set('refused')
      assert.equal(await code(), 'upstream_refused')
      await upstream.set('well')
      assert.equal((await sendRaw(gateway.port, getLine('/'))).status, 200)
    } finally {
      await gateway.close()
      await upstream.close()
      await upstream.close()
    }
  })

  it('names what there is when it is asked for something else', async () => {
    await assert.rejects(
      faultyUpstream('explode' as Fault),
      /no fault "explode"; use one of .*\bwell, /,
    )
    const upstream = await faultyUpstream()
    await assert.rejects(upstream.set('toString' as Fault), TypeError)
    await upstream.close()
  })
})
