import { createServer } from 'node:http'
import Koa from 'koa'
import type { Settings } from './gateway.js'

/** A handler of Koa that writes what the full guard writes, and looks at nothing. */
export function create({ recorded }: Settings) {
  if (!recorded) throw new TypeError('plain: there is no recorded answer')
  const app = new Koa()
  app.use((ctx) => {
    ctx.status = recorded.status
    ctx.set(recorded.headers)
    ctx.body = recorded.body
  })
  return createServer(app.callback())
}
