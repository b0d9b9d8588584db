import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { listing } from '../../docs/sample-proxy/listing.js'
import { chatSchema, orderIdSchema, orderSchema } from '../../docs/sample-proxy/schemas.js'

describe('the schemas of the sample proxy', () => {
  const ajv = new Ajv2020({ strict: true })
  const order = ajv.compile(orderSchema)
  const id = ajv.compile(orderIdSchema)
  const chat = ajv.compile(chatSchema)
  const item = { sku: 'tea', qty: 1 }

  it('require the customer and the items of an order', () => {
    assert.equal(order({ customer: 'Ada', items: [item], note: 'more is welcome' }), true)
    for (const broken of [
      {},
      { items: [item] },
      { customer: 'Ada' },
      { customer: '', items: [item] },
      { customer: 'Ada', items: [] },
      { customer: 'Ada', items: [{ sku: 'tea' }] },
      { customer: 'Ada', items: [{ sku: 7, qty: 1 }] },
      { customer: 'Ada', items: [{ sku: 'tea', qty: 0 }] },
      { customer: 'Ada', items: [{ sku: 'tea', qty: 1.5 }] },
    ]) {
      assert.equal(order(broken), false, JSON.stringify(broken))
    }
  })

  it('accept digits as the id of an order', () => {
    assert.equal(id({ id: '4711' }), true)
    for (const broken of ['', 'one', '-1', '1'.repeat(19)]) assert.equal(id({ id: broken }), false)
  })

  it('accept chats with tools, images and unknown members', () => {
    const tool = { role: 'assistant', content: null, tool_calls: [{ id: 'call_1' }] }
    const image = { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:' } }] }
    assert.equal(chat({ model: 'sample', messages: [image, tool], tomorrow: true }), true)
    for (const broken of [
      { messages: [image] },
      { model: 'sample' },
      { model: 'sample', messages: [] },
      { model: 'sample', messages: [{ content: 'Hello' }] },
      { model: 'sample', messages: [{ role: 'user', content: 7 }] },
      { model: 'sample', messages: [image], stream: 'yes' },
    ]) {
      assert.equal(chat(broken), false, JSON.stringify(broken))
    }
  })

  it('give the examples of the listing the results that it shows', () => {
    const bodies = [...listing('http://x').matchAll(/^ +-d '(\{.*\})'$/gm)].map(([, body]) =>
      JSON.parse(body ?? ''),
    )
    const orders = bodies.filter(({ customer }) => customer !== undefined)
    const chats = bodies.filter(({ model }) => model !== undefined)
    const verdicts = [orders.map((body) => order(body)), chats.map((body) => chat(body))]
    assert.deepEqual(verdicts, [
      [true, false],
      [true, true],
    ])
  })
})

describe('the webhooks of the listing', () => {
  const text = listing('http://x')
  const ping = draft7().compile({ $ref: 'github#/definitions/ping$event' })

  it('are a ping of the published examples that fits the published schema', () => {
    const command = /node -p '(.*?)' \|/s.exec(text)?.[1] ?? ''
    const { stdout } = spawnSync(process.execPath, ['-p', command], { encoding: 'utf8' })
    assert.equal(ping(JSON.parse(stdout)), true)
  })

  it('are one ping that does not fit', () => {
    const body = /\/hooks\/ping .* -d '(.*)'$/m.exec(text)?.[1] ?? ''
    assert.equal(ping(JSON.parse(body)), false)
  })
})

/** An ajv for draft-07 that knows the schemas of GitHub. */
function draft7(): Ajv {
  const ajv = new Ajv({ strict: false, validateFormats: false })
  return ajv.addSchema(createRequire(import.meta.url)('@octokit/webhooks-schemas'), 'github')
}
