// One process of a fleet, which does what its parent asks for.
import { subscribe } from 'node:diagnostics_channel'
import { Cluster, Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient, createCluster } from 'redis'
import { breakers, circuitBreaker } from 'good-gateway'
import { type FleetMember, type FleetOptions, redis, shareCircuits } from 'good-gateway/redis'

export interface Share {
  readonly client: 'ioredis' | 'iovalkey' | 'node-redis'
  readonly ports: readonly number[]
  readonly user?: { readonly username: string; readonly password: string }
  /** Milliseconds that the clock of this process is ahead. */
  readonly clock?: number
  readonly options: FleetOptions
  readonly breaker?: Readonly<Record<string, number>>
}

/** What has become of the calls of a while; times are milliseconds of one clock for all processes. */
export interface Calls {
  readonly made: number[]
  readonly failed: number[]
  refused: number
  /** The longest time that one has taken. */
  longest: number
  openedAt: number | undefined
}

export interface State {
  readonly fleet: string | undefined
  readonly circuit: string
  readonly held: boolean
  readonly retryAfter: number
  readonly warnings: readonly string[]
  /** How often each result of a message was told. */
  readonly results: Readonly<Record<string, number>>
}

const NAME = 'orders'
const now = (): number => Number(process.hrtime.bigint()) / 1e6
const realNow = Date.now
const ignore = (): void => {}

let member: FleetMember | undefined
let end: () => unknown = ignore
let breaker: ReturnType<typeof circuitBreaker> | undefined
let isUp = true
let isSlow = false
let warnings: string[] = []
let results: Record<string, number> = {}
subscribe('good-gateway:fleet', (message) => {
  const { result = 'none' } = message as { result?: string }
  results[result] = (results[result] ?? 0) + 1
})
process.on('warning', ({ message }) => {
  if (message.startsWith('good-gateway')) warnings.push(message)
})

async function connected({ client, ports, user }: Share) {
  const [port = 0] = ports
  const nodes = ports.map((each) => ({ host: '127.0.0.1', port: each }))
  if (client === 'node-redis') {
    const made =
      ports.length > 1
        ? createCluster({ rootNodes: nodes.map((socket) => ({ socket })) })
        : createClient({ socket: { port, host: '127.0.0.1' }, ...user })
    made.on('error', ignore)
    await made.connect()
    end = () => made.destroy()
    return made
  }
  if (client === 'iovalkey') {
    const made = new Valkey({ port, ...user })
    made.on('error', ignore)
    end = () => made.disconnect()
    return made
  }
  const made = ports.length > 1 ? new Cluster(nodes) : new Redis({ port, ...user })
  made.on('error', ignore)
  end = () => made.disconnect()
  return made
}

async function call(calls: Calls): Promise<void> {
  const startedAt = now()
  let wasMade = false
  try {
    await breaker?.fire((): Promise<void> | void => {
      wasMade = true
      calls.made.push(now())
      // Never ends: the process that waits for it is killed.
      if (isSlow) return new Promise<void>(ignore)
      if (!isUp) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' })
    })
  } catch {
    if (wasMade) calls.failed.push(now())
    else calls.refused++
  }
  calls.longest = Math.max(calls.longest, now() - startedAt)
  if (breakers.get(NAME)?.state === 'open') calls.openedAt ??= now()
}

const none = (): Calls => ({ made: [], failed: [], refused: 0, longest: 0, openedAt: undefined })

const actions = {
  share: async (given: Share): Promise<void> => {
    warnings = []
    results = {}
    isUp = true
    Date.now = () => realNow() + (given.clock ?? 0)
    breaker = circuitBreaker({ name: NAME, resetTimeout: 60_000, ...given.breaker })
    member = shareCircuits(redis(await connected(given)), given.options)
  },
  up: (is: boolean): void => void (isUp = is),
  slow: (is: boolean): void => void (isSlow = is),
  /** So many calls, one after the other. */
  call: async (times: number): Promise<Calls> => {
    const calls = none()
    for (let at = 0; at < times; at++) await call(calls)
    return calls
  },
  /** Calls for a time, one each few milliseconds, whatever the others do. */
  load: async ({ time, every }: { time: number; every: number }): Promise<Calls> => {
    const calls = none()
    const until = now() + time
    const under: Promise<void>[] = []
    while (now() < until) {
      under.push(call(calls))
      await new Promise((resolve) => setTimeout(resolve, every))
    }
    await Promise.all(under)
    return calls
  },
  hand: (what: 'open' | 'close'): void => breakers.get(NAME)?.[what](),
  state: (): State => {
    const { state = 'none', held = false, retryAfter = 0 } = breakers.get(NAME) ?? {}
    return { fleet: member?.state, circuit: state, held, retryAfter, warnings, results }
  },
  leave: (): void => {
    member?.stop()
    breakers.releaseAll()
    end()
    end = ignore
    Date.now = realNow
  },
}
export type Actions = typeof actions

process.on('message', async ({ id, name, argument }: Asked) => {
  const action = actions[name] as (argument: unknown) => unknown
  try {
    process.send?.({ id, result: await action(argument) })
  } catch (error) {
    process.send?.({ id, error: String(error) })
  }
})

interface Asked {
  readonly id: number
  readonly name: keyof Actions
  readonly argument: unknown
}
