import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { Agent, createServer } from 'node:http'
import type { Problem } from 'good-gateway'
import Koa from 'koa'
import { problemDetails, routes } from 'good-gateway/koa'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hookRoutes } from '../../../docs/sample-proxy/hooks.js'
import { breakages, type Example, examples, plainVerdict } from '../../support/github.js'
import { type Listening, listen } from '../../support/servers.js'

/** Breakages of one payload that are sent; the validator's own test tries all of them. */
const SENT_PER_PAYLOAD = 8

describe('GitHub webhooks through the sample routes', () => {
  const agent = new Agent({ keepAlive: true })
  const received: string[] = []
  let upstream: Listening
  let gateway: Listening

  before(async function () {
    this.timeout(30_000)
    upstream = await listen(
      createServer((req, res) => {
        const hash = createHash('sha256')
        req.on('data', (part: Buffer) => hash.update(part))
        req.on('end', () => {
          received.push(hash.digest('hex'))
          res.writeHead(202).end()
        })
      }),
    )
    const forward = createForward()
    const app = new Koa().use(problemDetails()).use(routes(hookRoutes(), { otherwise: 'refuse' }))
    app.use((ctx) => {
      ctx.respond = false
      forward(ctx.req, ctx.res, upstream.url)
    })
    gateway = await listen(createServer(app.callback()))
  })

  after(async () => {
    await gateway.close()
    await upstream.close()
    agent.destroy()
  })

  const post = (event: string, body: string) =>
    fetch(`${gateway.url}/hooks/${event}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'X-GitHub-Event': event },
      body,
    })

  it('judges every published payload as ajv alone does, and forwards the valid ones unchanged', async function () {
    this.timeout(60_000)
    const broken: string[] = []
    for (const { event, name, payload } of examples) {
      // Not what JSON.stringify would make of it: the bytes must survive, not only the value.
      const body = JSON.stringify(payload, null, '\t')
      const sum = createHash('sha256').update(body).digest('hex')
      const answer = await post(event, body)
      if (plainVerdict(event, payload)) {
        assert.equal(answer.status, 202, name)
        assert.equal(received.at(-1), sum, name)
        await answer.arrayBuffer()
      } else {
        assert.equal(answer.status, 400, name)
        const { code, errors } = (await answer.json()) as Problem
        assert.equal(code, 'request_invalid', name)
        broken.push(`${name}: ${errors?.[0]?.pointer} ${errors?.[0]?.detail}`)
        assert.notEqual(received.at(-1), sum, name)
      }
    }
    console.log(
      `      ${examples.length} payloads: ${examples.length - broken.length} valid and forwarded byte for byte, ${broken.length} break their own schema:`,
    )
    for (const line of broken) console.log(`        ${line}`)
    assert.equal(received.length, examples.length - broken.length)
  })

  it('points at the place where a valid payload was broken', async function () {
    this.timeout(120_000)
    let sent = 0
    let exact = 0
    let parent = 0
    const missed: string[] = []
    const reached = received.length
    for (const { event, name, payload } of examples.filter(isValid)) {
      for (const breakage of spread([...breakages(payload, event)])) {
        const answer = await post(event, JSON.stringify(breakage.payload))
        assert.equal(answer.status, 400, name)
        const { errors } = (await answer.json()) as Problem
        const place = pointerOf(breakage.path)
        sent++
        const found = decodeURIComponent(errors?.[0]?.pointer ?? '')
        if (found === place) exact++
        else if (found === pointerOf(breakage.path.slice(0, -1))) parent++
        else missed.push(`${name} ${breakage.kind} ${place}: ${found}`)
      }
    }
    console.log(
      `      ${sent} broken payloads: ${exact} pointed at the place, ${parent} at its parent, ${missed.length} elsewhere`,
    )
    for (const line of missed.slice(0, 10)) console.log(`        ${line}`)
    assert.equal(received.length, reached)
    assert.ok(sent > 2000, `only ${sent} payloads were sent`)
    assert.ok(exact / sent > 0.98, `${exact} of ${sent}`)
  })
})

const isValid = ({ event, payload }: Example): boolean => plainVerdict(event, payload)

/** Some of a list, from its whole length. */
function spread<T>(list: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(list.length / SENT_PER_PAYLOAD))
  return list.filter((_, at) => at % step === 0)
}

const pointerOf = (path: readonly string[]): string =>
  `#${path.map((part) => `/${part.replace(/~/g, '~0').replace(/\//g, '~1')}`).join('')}`
