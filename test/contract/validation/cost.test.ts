import assert from 'node:assert/strict'
import type { Schemas, ValidateOptions } from 'good-gateway'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, type Received, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'

const branch = (index: number) => ({
  type: 'object',
  required: ['kind', `a${index}`],
  properties: { kind: { const: `k${index}` }, [`a${index}`]: { type: 'string' } },
})
const union = {
  type: 'array',
  items: { oneOf: Array.from({ length: 10 }, (_, index) => branch(index)) },
}

/** Milliseconds of processor time. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

for (const host of hosts) {
  describe(`${host.name}, what a refusal costs and tells`, () => {
    let gateway: Listening
    afterEach(() => gateway.close())
    const start = async (schemas: Schemas, options: ValidateOptions = {}): Promise<void> => {
      gateway = await host.start({
        use: (api) => [api.problemDetails(), api.validate(schemas, options)],
        handler: (req, res) => req.resume().on('end', () => res.end('up')),
      })
    }
    const post = (text: string, ...fields: string[]): Promise<Received> =>
      sendRaw(
        gateway.port,
        getLine('/', 'Content-Type: application/json', ...fields).replace('GET', 'POST'),
        text,
      )
    const sized = (text: string) => post(text, `Content-Length: ${Buffer.byteLength(text)}`)

    it('finds all errors of a small body, and the first of a large one in little time', async () => {
      await start({ body: union }, { maxErrors: 20, limit: '2mb' })
      const few = problemIn(await sized('[{},{},{}]'))
      assert.ok((few.errors?.length ?? 0) > 2)
      const before = cpu()
      const many = problemIn(await sized(`[${'{},'.repeat(350_000)}{}]`))
      assert.deepEqual([many.errors?.length, many.errors_truncated], [1, true])
      assert.ok(cpu() - before < 2500, `${cpu() - before} ms`)
    })

    it('bounds the time of bodies that are just small enough', async () => {
      await start({ body: union }, { maxErrors: 20 })
      const text = `[${'{},'.repeat(5000)}{}]`
      for (let turn = 0; turn < 3; turn++) await sized(text)
      const before = cpu()
      for (let turn = 0; turn < 5; turn++) assert.equal((await sized(text)).status, 400)
      assert.ok(cpu() - before < 1500, `${cpu() - before} ms`)
    })

    it('says how large a body is, and how large it may be', async () => {
      await start({ body: true }, { limit: 10 })
      const { detail } = problemIn(await sized(' '.repeat(12)))
      assert.equal(detail, 'The body has 12 bytes; this route takes at most 10 bytes.')
      const chunked = await post('c\r\n            \r\n0\r\n\r\n', 'Transfer-Encoding: chunked')
      assert.match(
        problemIn(chunked).detail,
        /more than 10 bytes; this route takes at most 10 bytes/,
      )
    })

    it('never tells what a header, a cookie or a key in a query must be', async () => {
      const secret = { const: 'tops3cret' }
      await start(
        {
          headers: {
            type: 'object',
            properties: {
              'x-api-key': secret,
              authorization: { pattern: '^Bearer tops3cret$' },
              'x-p': { const: 'a8f5f167f44f4964e6c998d' },
              'x-mode': { enum: ['fast'] },
            },
          },
          cookies: { type: 'object', properties: { sid: { enum: ['tops3cret', 'x'] } } },
          query: {
            type: 'object',
            properties: { token: secret, sort: { enum: ['name', 'date'] } },
          },
        },
        { maxErrors: 20 },
      )
      const fields = [
        'X-Api-Key: a',
        'Authorization: Bearer x',
        'X-P: a',
        'X-Mode: slow',
        'Cookie: sid=y',
      ]
      const received = await sendRaw(gateway.port, getLine('/?token=a&sort=x', ...fields))
      assert.equal(problemIn(received).errors?.length, 7)
      assert.doesNotMatch(received.body, /tops3cret|a8f5|slow/)
      assert.match(received.body, /\\"name\\" or \\"date\\"/)
    })
  })
}
