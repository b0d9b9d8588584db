// The process that mounts 1,000 routes, or compiles their schemas with ajv alone.
import process from 'node:process'
import { Ajv } from 'ajv'
import formats from 'ajv-formats'
import { routes, validate } from 'good-gateway/koa'
import { answer } from './child.js'
import { order } from './gateways/gateway.js'

const schemas = Array.from({ length: 1000 }, (_, at) => ({
  body: {
    ...order,
    properties: { ...order.properties, note: { type: 'string', maxLength: at + 1 } },
  },
  params: {
    type: 'object',
    required: ['id'],
    properties: { id: { type: 'string', pattern: `^[0-9]{1,${at + 1}}$` } },
  },
}))

answer({
  ajv: () =>
    cpuOf(() => {
      const ajv = new Ajv()
      formats.default(ajv)
      for (const { body, params } of schemas) {
        ajv.compile(body)
        ajv.compile(params)
      }
    }),
  routes: () =>
    cpuOf(() => {
      const table = schemas.map((each, at) => [`POST /things${at}/:id`, validate(each)] as const)
      routes(Object.fromEntries(table))
    }),
})

/** Microseconds of processor time. */
function cpuOf(work: () => void): number {
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return user + system
}
