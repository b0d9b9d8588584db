import type { FleetStore, Listening } from './store.js'

/** The part of a client of ioredis or iovalkey that is used. */
export interface Ioredis {
  readonly status: string
  eval(script: string, keys: number, ...args: string[]): Promise<unknown>
  duplicate(...options: never[]): unknown
}

/** A connection of one of them, to a single server. */
interface Connection {
  connect(): Promise<unknown>
  subscribe(channel: string): Promise<unknown>
  ping(): Promise<unknown>
  disconnect(): void
  on(event: string, listener: (...args: readonly unknown[]) => void): unknown
  readonly stream?: { unref?(): unknown }
}

/** A client of a single server. */
interface Single {
  duplicate(options: Readonly<Record<string, unknown>>): Connection
}

interface Cluster {
  readonly isCluster: true
  nodes(): readonly Single[]
}

export function ioredisStore(client: Ioredis): FleetStore {
  return {
    run: (script, keys, args) => client.eval(script, keys.length, ...keys, ...args),
    listen: (channel, onMessage, onGap) => listen(client, channel, onMessage, onGap),
  }
}

/** One connection for one time: when it is lost, the fleet makes another. */
const ONCE = {
  lazyConnect: true,
  enableReadyCheck: false,
  maxRetriesPerRequest: null,
  retryStrategy: () => null,
  reconnectOnError: null,
  // It would be put before the name of the channel, but not where the script publishes.
  keyPrefix: '',
}

async function listen(
  client: Ioredis,
  channel: string,
  onMessage: (message: string) => void,
  onGap: () => void,
): Promise<Listening> {
  const connection = singleOf(client).duplicate(ONCE)
  // Without a listener an error would be printed; the end tells enough.
  connection.on('error', () => {})
  connection.on('end', onGap)
  connection.on('message', (_channel, message) => onMessage(String(message)))
  connection.on('connect', () => connection.stream?.unref?.())
  try {
    await connection.connect()
    await connection.subscribe(channel)
  } catch (error) {
    connection.disconnect()
    throw error
  }
  return { check: () => connection.ping(), stop: () => connection.disconnect() }
}

/** The nodes of a cluster hand on all that is published: one of them is enough. */
function singleOf(client: unknown): Single {
  if (!isCluster(client)) return client as Single
  const nodes = client.nodes()
  const node = nodes[Math.floor(Math.random() * nodes.length)]
  if (node === undefined) throw new Error('The cluster has no node')
  return node
}

const isCluster = (client: unknown): client is Cluster =>
  typeof client === 'object' && client !== null && Reflect.get(client, 'isCluster') === true
