import type { Settings } from './gateway.js'
import { koaProxy } from './koa.js'

/** The proxy with nothing in front of it. */
export const create = ({ target }: Settings) => koaProxy(target)
