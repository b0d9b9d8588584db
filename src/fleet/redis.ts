import { type Ioredis, ioredisStore } from './ioredis.js'
import { type NodeRedis, nodeRedisStore } from './node-redis.js'
import type { FleetStore } from './store.js'

/**
 * A store of a fleet, from a client of ioredis, iovalkey or node-redis: for one server, or a cluster.
 *
 * Commands go through this client. Messages are heard on a connection of their own, a duplicate of it.
 *
 * @experimental
 * @throws {TypeError} when it is no client of these.
 */
export function redis(client: Ioredis | NodeRedis): FleetStore {
  if (isClient(client)) {
    if ('status' in client) return ioredisStore(client)
    // A pool and a sentinel have neither.
    if ('unref' in client || 'nodeClient' in client) return nodeRedisStore(client)
  }
  throw new TypeError(
    'redis: give it a client of ioredis, iovalkey or node-redis: createClient(…) or createCluster(…)',
  )
}

const isClient = (client: unknown): boolean =>
  typeof client === 'object' &&
  client !== null &&
  typeof Reflect.get(client, 'eval') === 'function' &&
  typeof Reflect.get(client, 'duplicate') === 'function'
