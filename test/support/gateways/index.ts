import { expressGateways } from './express.js'
import type { Gateway } from './gateway.js'
import { koaGateways } from './koa.js'
import { nodeGateways } from './node.js'

export type { Behind, Gateway } from './gateway.js'

/** The gateways that people have. */
export const gateways: readonly Gateway[] = [...nodeGateways, ...expressGateways, ...koaGateways]
