export { redis } from './fleet/redis.js'
export { shareCircuits } from './fleet/share-circuits.js'
export type { FleetMember, FleetOptions } from './fleet/share-circuits.js'
export type { FleetStore, Listening } from './fleet/store.js'
