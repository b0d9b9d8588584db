import assert from 'node:assert/strict'
import { hosts } from '../../support/hosts.js'
import { problemIn, proxyStatusIn } from '../../support/problem.js'
import { askGateway } from '../../support/gateway.js'
import { getLine, type Received } from '../../support/raw-client.js'

for (const host of hosts) {
  describe(`${host.name}, a request that has passed this gateway before`, () => {
    async function ask(name: string | undefined, ...fields: string[]): Promise<Received> {
      return askGateway(
        host,
        {
          use: ({ problemDetails }) => [problemDetails(name === undefined ? {} : { name })],
          handler: (_req, res) => res.end('forwarded'),
        },
        getLine('/', ...fields),
      )
    }

    const loops = [
      'Via: 1.1 edge-1',
      'Via: HTTP/1.1 edge-1:8080 (a, b)',
      'Via: 2 other (1.1 x), 1.1 edge-1',
      'CDN-Loop: edge-1',
      'CDN-Loop: other; a=1, edge-1; b=2',
    ]
    for (const field of loops) {
      it(`is 502 loop_detected: ${field}`, async () => {
        const received = await ask('edge-1', field)
        const { code, retryable } = problemIn(received)
        assert.deepEqual([received.status, code, retryable], [502, 'loop_detected', true])
        assert.deepEqual(proxyStatusIn(received.head), [
          { name: 'edge-1', parameters: { error: 'proxy_loop_detected' } },
        ])
      })
    }

    const others = [
      'Via: 1.1 edge-12, 1.1 other (edge-1)',
      'Via: edge-1',
      'CDN-Loop: other; edge-1=1',
      'X-Via: 1.1 edge-1',
    ]
    for (const field of others) {
      it(`is not a loop when it has passed others only: ${field}`, async () => {
        assert.equal((await ask('edge-1', field)).body.includes('forwarded'), true)
      })
    }

    it('is not a loop when it has passed another gateway with the default name', async () => {
      assert.equal((await ask(undefined, 'Via: 1.1 gateway')).body.includes('forwarded'), true)
    })
  })
}
