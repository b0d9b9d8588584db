import assert from 'node:assert/strict'
import { toStandardJsonSchema } from '@valibot/to-json-schema'
import { type } from 'arktype'
import { type Schemas, validate as checks } from 'good-gateway'
import * as v from 'valibot'
import * as z from 'zod'
import { hosts } from '../../support/hosts.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import type { Listening } from '../../support/servers.js'

const notNo = (text: string): boolean => text !== 'no'
const schemas: Readonly<Record<string, object>> = {
  zod: z.object({
    name: z.string().min(2).refine(notNo, 'must not be no'),
    qty: z.int().optional(),
  }),
  ArkType: type({
    name: type('string > 1').narrow((text, ctx) => notNo(text) || ctx.reject('must not be no')),
    'qty?': 'number.integer',
  }),
  Valibot: toStandardJsonSchema(
    v.object({
      name: v.pipe(v.string(), v.minLength(2), v.check(notNo, 'must not be no')),
      qty: v.optional(v.pipe(v.number(), v.integer())),
    }),
  ),
}
const parameters: Readonly<Record<string, object>> = {
  zod: z.object({ name: z.string().refine(notNo, 'must not be no'), qty: z.int() }),
  ArkType: type({
    name: type('string').narrow((text, ctx) => notNo(text) || ctx.reject('must not be no')),
    qty: 'number.integer',
  }),
  Valibot: toStandardJsonSchema(
    v.object({
      name: v.pipe(v.string(), v.check(notNo, 'must not be no')),
      qty: v.pipe(v.number(), v.integer()),
    }),
  ),
}

for (const host of hosts)
  for (const library of Object.keys(schemas))
    describe(`${host.name}, a schema of ${library}`, () => {
      let gateway: Listening
      afterEach(() => gateway.close())
      const start = async (given: Schemas): Promise<void> => {
        gateway = await host.start({
          use: (api) => [api.problemDetails(), api.validate(given)],
          handler: (req, res) => req.resume().on('end', () => res.end('up')),
        })
      }
      const post = (text: string) =>
        sendRaw(
          gateway.port,
          getLine('/', 'Content-Type: application/json', `Content-Length: ${text.length}`).replace(
            'GET',
            'POST',
          ) + text,
        )

      it('checks bodies, with its refinements', async () => {
        await start({ body: schemas[library] })
        assert.equal((await post('{"name":"Ada","qty":1}')).status, 200)
        const found: [string, string, string][] = [
          ['{"name":"A"}', '#/name', 'minLength'],
          ['{"name":"Ada","qty":"1"}', '#/qty', 'type'],
          ['{"name":"no"}', '#/name', 'custom'],
          ['{"name":"Ada","NAME":"no"}', '#/NAME', 'lookalike'],
        ]
        for (const [text, pointer, code] of found) {
          const { errors } = problemIn(await post(text))
          assert.deepEqual([errors?.[0]?.pointer, errors?.[0]?.code], [pointer, code], text)
        }
        assert.match(
          problemIn(await post('{"name":"no"}')).errors?.[0]?.detail ?? '',
          /must not be no/,
        )
      })

      it('checks a query, with strings that became numbers', async () => {
        await start({ query: parameters[library] })
        assert.equal((await sendRaw(gateway.port, getLine('/?name=x&qty=1'))).status, 200)
        for (const [search, name, code] of [
          ['name=x&qty=one', 'qty', 'type'],
          ['name=no&qty=1', 'name', 'custom'],
        ]) {
          const { errors } = problemIn(await sendRaw(gateway.port, getLine(`/?${search}`)))
          assert.deepEqual([errors?.[0]?.name, errors?.[0]?.code], [name, code])
        }
      })
    })

describe('a schema that is neither a JSON Schema nor a Standard JSON Schema', () => {
  class Struct {
    type = 'object'
  }
  const wrong: [string, unknown, RegExp][] = [
    [
      'a function',
      () => true,
      /must be a JSON Schema .* compiled by ajv, or a Standard JSON Schema/,
    ],
    ['an instance of some class', new Struct(), /must be a JSON Schema/],
    [
      'one of Valibot without the wrapper',
      v.object({}),
      /\(valibot\) has no ~standard\.jsonSchema; wrap it with toStandardJsonSchema/,
    ],
    [
      'one that no JSON Schema can say',
      z.object({ at: z.date() }),
      /\(zod\) cannot be written as a JSON Schema: .*Date/,
    ],
    [
      'an asynchronous one of zod',
      z.object({ a: z.string().refine(async () => true) }),
      /\(zod\) is asynchronous/,
    ],
    [
      'an asynchronous one of zod, inside',
      z.array(z.object({ a: z.optional(z.string().transform(async (text) => text)) })),
      /\(zod\) is asynchronous/,
    ],
    [
      'an asynchronous one of Valibot',
      toStandardJsonSchema(
        v.pipeAsync(
          v.object({}),
          v.checkAsync(async () => true),
        ) as never,
      ),
      /\(valibot\) is asynchronous/,
    ],
    ['a number', 5, /must be a JSON Schema/],
    ['a list', [], /must be a JSON Schema/],
  ]
  for (const [what, schema, message] of wrong)
    it(`is refused at mount: ${what}`, () => {
      for (const given of [{ body: schema }, { query: schema }, { response: { 200: schema } }])
        assert.throws(() => checks(given as Schemas, { ajv: { strict: false } }), {
          name: 'TypeError',
          message,
        })
    })
})
