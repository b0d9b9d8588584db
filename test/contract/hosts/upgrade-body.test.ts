import assert from 'node:assert/strict'
import { createServer, get } from 'node:http'
import {
  breakers,
  circuitBreaker,
  problemDetails,
  type UpgradeHandler,
  upgradeListener,
} from 'good-gateway'
import { problemIn } from '../../support/problem.js'
import { type Received, sendRaw } from '../../support/raw-client.js'
import { listen, nobody } from '../../support/servers.js'

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n'
const HEAD =
  'POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n'

// Node 26 gives a stream in place of the socket where a part of the body is still to come.
describe('an upgrade whose body comes later', () => {
  const name = 'upgrade with a body'
  after(() => breakers.get(name)?.release())

  async function ask(handler: UpgradeHandler): Promise<Received> {
    const gateway = await listen(
      createServer().on(
        'upgrade',
        upgradeListener(problemDetails(), circuitBreaker({ name, timeout: 200 }), handler),
      ),
    )
    try {
      return await sendRaw(gateway.port, `${HEAD}he`, 'llo')
    } finally {
      await gateway.close()
    }
  }

  const dials = (onError: () => void) => get(nobody.url).on('error', onError)

  const refusals: Record<string, UpgradeHandler> = {
    'is closed without a word': (_req, socket) => dials(() => socket.destroy()),
    'is closed soon': (_req, socket) => dials(() => socket.destroySoon()),
    'is refused by hand': (_req, socket) =>
      dials(() => socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n')),
  }
  for (const [what, handler] of Object.entries(refusals))
    it(`gets the standard body where it ${what}`, async () => {
      assert.equal(problemIn(await ask(handler)).code, 'upstream_refused')
    })

  it('gets its 504 when nothing comes of it', async () => {
    const mute = await listen(createServer(() => {}))
    const received = await ask(
      (_req, socket) => void get(mute.url).on('error', () => socket.destroy()),
    )
    assert.equal(problemIn(received).code, 'upstream_timeout')
    await mute.close()
  })

  it('is switched as before', async () => {
    const { status, body } = await ask((_req, socket) => void socket.end(`${SWITCHED}mine`))
    assert.deepEqual([status, body], [101, 'mine'])
  })

  it('never reaches its handler while the circuit is open', async () => {
    breakers.get(name)?.open()
    const received = await ask(() => assert.fail('it has reached it'))
    assert.equal(problemIn(received).code, 'circuit_open')
  })
})
