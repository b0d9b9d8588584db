import { problemDetails } from 'good-gateway/koa'
import type { Settings } from './gateway.js'
import { koaProxy } from './koa.js'

/** The proxy behind `problemDetails` alone. */
export const create = ({ target }: Settings) => koaProxy(target, problemDetails())
