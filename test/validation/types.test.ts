import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, request } from 'node:http'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { type } from 'arktype'
import * as connectApi from 'good-gateway'
import { type ConnectValidate, listener, problemDetails, validate } from 'good-gateway'
import * as koaApi from 'good-gateway/koa'
import { type Static, Type } from 'typebox'
import * as v from 'valibot'
import * as z from 'zod'
import { listen } from '../support/servers.js'

/** Whether two types are the same; the compiler answers when the tests are type-checked. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
const same = <T extends true>(): T | undefined => undefined

interface Order {
  customer: string
  qty: number
}

const schema = {
  type: 'object',
  required: ['customer', 'qty'],
  properties: {
    customer: { type: 'string' },
    qty: { type: 'integer' },
    colour: { enum: ['red', 'blue'], default: 'red' },
  },
  additionalProperties: false,
} as const

interface Inferred {
  customer: string
  qty: number
  colour?: 'red' | 'blue'
}

type PartsFrom<T> = T extends { valid(given: never): infer V } ? V : never

/** Sends one body through a mounted `validate` and gives back what `.valid` told the handler. */
async function send<Types>(
  check: connectApi.ConnectMiddleware & { valid(given: IncomingMessage): Types },
  body: unknown,
): Promise<{ status: number | undefined; parts: Types | undefined }> {
  let parts: Types | undefined
  const server = await listen(
    createServer(
      listener(problemDetails(), check, (req, res) => {
        parts = check.valid(req)
        res.end()
      }),
    ),
  )
  const headers = { 'Content-Type': 'application/json' }
  const status = await new Promise<number | undefined>((resolve, reject) => {
    const asked = request(server.url, { method: 'POST', headers, agent: false })
    asked.once('response', (answer) => resolve(answer.resume().statusCode)).once('error', reject)
    asked.end(JSON.stringify(body))
  })
  await server.close()
  return { status, parts }
}

describe('the types of validate', () => {
  it('follow from a schema that is const', () => {
    for (const api of [connectApi, koaApi]) {
      const check = api.validate({
        body: schema,
        query: {
          type: 'object',
          properties: { page: { type: 'integer' } },
          additionalProperties: false,
        },
      })
      type Parts = PartsFrom<typeof check>
      same<Same<Parts['body'], Inferred>>()
      same<Same<Parts['query'], { page?: number }>>()
      same<Same<keyof Parts, 'body' | 'query'>>()
      assert.equal(typeof check.valid, 'function')
    }
  })

  it('are those that are given', () => {
    const check = validate<{ body: Order }>({ body: schema })
    same<Same<PartsFrom<typeof check>, { body: Order }>>()
    // As the schemas would say it, had they been asked.
    const loose = validate<{ body: object }>({ body: schema })
    same<Same<PartsFrom<typeof loose>['body'], object>>()
    const typed: ConnectValidate<{ body: Order }> = check
    assert.equal(typed, check)
  })

  it('are unknown where the type of the schema is not specific', () => {
    const wide: object = schema
    const check = validate({ body: wide })
    same<Same<PartsFrom<typeof check>['body'], unknown>>()
    const widened = validate({ body: { ...schema, type: String('object') } })
    same<Same<PartsFrom<typeof widened>['body'], unknown>>()
    assert.ok(check)
  })

  it('are those of a function that ajv compiled', async () => {
    const compiled = new Ajv2020().compile<Order>(schema)
    const check = validate({ body: compiled })
    same<Same<PartsFrom<typeof check>['body'], Order>>()
    const { parts } = await send(check, { customer: 'Ada', qty: 1 })
    assert.equal(parts?.body.qty, 1)
    assert.equal((await send(check, {})).status, 400)
  })

  it('come from TypeBox, as in the guide', async () => {
    const orderType = Type.Object({ customer: Type.String(), qty: Type.Integer({ minimum: 1 }) })
    const check = validate<{ body: Static<typeof orderType> }>({ body: orderType })
    same<Same<PartsFrom<typeof check>['body'], Order>>()
    const { parts } = await send(check, { customer: 'Ada', qty: 1 })
    assert.equal(parts?.body.customer, 'Ada')
    assert.equal((await send(check, { customer: 'Ada', qty: 0 })).status, 400)
  })

  it('come from zod, as in the guide', async () => {
    const orderType = z.object({ customer: z.string(), qty: z.int().min(1) })
    const check = validate<{ body: z.infer<typeof orderType> }>({ body: z.toJSONSchema(orderType) })
    same<Same<PartsFrom<typeof check>['body'], Order>>()
    const { parts } = await send(check, { customer: 'Ada', qty: 1 })
    assert.equal(parts?.body.customer, 'Ada')
    for (const broken of [
      { customer: 'Ada', qty: 0 },
      { customer: 'Ada', qty: 1, more: 1 },
    ])
      assert.equal((await send(check, broken)).status, 400)
  })

  it('come from Standard JSON Schemas: zod, ArkType and the wrapper of Valibot', async () => {
    const zod = validate({ body: z.object({ customer: z.string(), qty: z.int() }) })
    same<Same<PartsFrom<typeof zod>['body'], Order>>()
    const ark = validate({ body: type({ customer: 'string', qty: 'number.integer' }) })
    same<Same<PartsFrom<typeof ark>['body'], Order>>()
    const valibot = validate({
      body: toStandardJsonSchema(v.object({ customer: v.string(), qty: v.number() })),
    })
    same<Same<PartsFrom<typeof valibot>['body'], Order>>()
    for (const check of [zod, ark, valibot]) {
      const { parts } = await send(check, { customer: 'Ada', qty: 1 })
      assert.equal(parts?.body.qty, 1)
      assert.equal((await send(check, { customer: 'Ada' })).status, 400)
    }
  })

  it('must not be given for a part that no schema checks', () => {
    // @ts-expect-error there is no schema of the query
    const check = validate<{ body: Order; query: { page: number } }>({ body: schema })
    // @ts-expect-error the same on Koa
    const koa = koaApi.validate<{ body: Order; query: { page: number } }>({ body: schema })
    assert.notEqual(check, koa)
    validate<{ body: Order }>({ body: schema, response: { 200: true } })
  })
})
