import assert from 'node:assert/strict'
import { createServer, type Server } from 'node:http'
import type { Problem } from 'good-gateway'
import { problemIn } from './problem.js'
import { sendRaw } from './raw-client.js'

const upgrade = (path: string): string =>
  [
    `GET ${path} HTTP/1.1`,
    'Host: gateway',
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    '',
    '',
  ].join('\r\n')

/** An upstream: gives back what is posted, resets what asks for the stock, and switches protocols at /chat. */
export function recipeUpstream(): Server {
  const upstream = createServer((req, res) => {
    if (req.url === '/stock') return void req.socket.resetAndDestroy()
    return void req.pipe(res.setHeader('X-Seen', `${req.method} ${req.url}`))
  })
  upstream.on('upgrade', (req, socket) => {
    if (req.url !== '/chat') return void socket.destroy()
    const head =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
    return void socket.end(`${head}hello`)
  })
  return upstream
}

/** Checks a gateway that was made by a recipe for a framework: schema, proxy, `.fire`, and upgrades where it takes them. */
export async function checkRecipe(url: string, upgrades: boolean): Promise<void> {
  const post = (body: string) =>
    fetch(`${url}/orders?a=1`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
    })
  const good = await post('{ "id": 12345678901234567890 }')
  assert.equal(await good.text(), '{ "id": 12345678901234567890 }')
  assert.equal(good.headers.get('x-seen'), 'POST /orders?a=1')

  const bad = await post('[]')
  assert.equal(((await bad.json()) as Problem).code, 'request_invalid')

  const fired = await fetch(`${url}/stock`)
  const problem = (await fired.json()) as Problem
  assert.equal(fired.headers.get('content-type'), 'application/problem+json')
  assert.deepEqual(
    [fired.status, problem.code, problem.upstream],
    [502, 'upstream_connection_lost', { name: 'stock' }],
  )
  if (!upgrades) return
  const port = Number(new URL(url).port)
  const switched = await sendRaw(port, upgrade('/chat'))
  assert.match(switched.text, /^HTTP\/1\.1 101 [^]*hello$/)
  assert.equal(problemIn(await sendRaw(port, upgrade('/dead'))).code, 'upstream_connection_lost')
}
