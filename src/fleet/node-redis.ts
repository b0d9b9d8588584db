import type { FleetStore, Listening } from './store.js'

/** The part of a client of node-redis that is used. */
export interface NodeRedis {
  readonly isOpen: boolean
  eval(
    script: string,
    options: { readonly keys: string[]; readonly arguments: string[] },
  ): Promise<unknown>
  duplicate(): unknown
}

/** A client of a single server. */
interface Single {
  readonly options?: { readonly socket?: object }
  duplicate(options: Readonly<Record<string, unknown>>): Connection
}

interface Connection {
  connect(): Promise<unknown>
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  ping(): Promise<unknown>
  on(event: string, listener: () => void): unknown
  unref(): void
  destroy(): void
}

interface Cluster {
  getRandomNode(): unknown
  nodeClient(node: unknown): Single | Promise<Single>
}

export function nodeRedisStore(client: NodeRedis): FleetStore {
  return {
    run: (script, keys, args) => client.eval(script, { keys: [...keys], arguments: [...args] }),
    listen: (channel, onMessage, onGap) => listen(client, channel, onMessage, onGap),
  }
}

async function listen(
  client: NodeRedis,
  channel: string,
  onMessage: (message: string) => void,
  onGap: () => void,
): Promise<Listening> {
  const single = await singleOf(client)
  // One connection for one time: when it is lost, the fleet makes another.
  const connection = single.duplicate({
    socket: { ...single.options?.socket, reconnectStrategy: false },
  })
  // Without a reconnection, an error is the end; without a listener it would end the process.
  connection.on('error', onGap)
  connection.on('end', onGap)
  connection.unref()
  try {
    await connection.connect()
    await connection.subscribe(channel, (message) => onMessage(String(message)))
  } catch (error) {
    end(connection)
    throw error
  }
  return { check: () => connection.ping(), stop: () => end(connection) }
}

/** It throws where it is closed already. */
function end(connection: Connection): void {
  try {
    connection.destroy()
  } catch {
    // It is over.
  }
}

/** The nodes of a cluster hand on all that is published: one of them is enough. */
async function singleOf(client: unknown): Promise<Single> {
  return isCluster(client) ? client.nodeClient(client.getRandomNode()) : (client as Single)
}

const isCluster = (client: unknown): client is Cluster =>
  typeof client === 'object' && client !== null && 'nodeClient' in client
