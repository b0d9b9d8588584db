// Gateways that have one core, and a load and an upstream that have another one.
import { type Child, type Launch, withChildren } from './child.js'
import { startNginx } from './nginx.js'
import { canPin, CORES, pin } from './pinning.js'

/** A gateway that was started. */
export interface Placed {
  readonly gateway: string
  readonly url: string
  readonly pid: number
}

/** Where the processes run, in words. */
export function placing(): string {
  if (!canPin()) return 'on any core: no taskset here'
  return CORES.others === CORES.gateway ? 'all on one core' : 'the gateways on a core of their own'
}

/** Starts the gateways before one upstream, lends them and the load, and stops all at the end. */
export function onOneCore<T>(
  gateways: readonly string[],
  use: (gateways: readonly Placed[], load: Child) => Promise<T>,
): Promise<T> {
  return withChildren(async (launch) => {
    const stops: (() => Promise<void>)[] = []
    try {
      const upstream = launch('light-upstream.ts')
      const load = launch('light-load.ts')
      const target = await upstream.ask<string>('listen')
      const placed: Placed[] = []
      for (const gateway of gateways) {
        const { stop, ...one } = await start(gateway, target, launch)
        if (stop) stops.push(stop)
        placed.push(one)
      }
      for (const { pid } of placed) pin(pid, CORES.gateway)
      for (const { pid } of [upstream, load]) pin(pid, CORES.others)
      return await use(placed, load)
    } finally {
      for (const stop of stops) await stop()
    }
  })
}

async function start(gateway: string, target: string, launch: Launch) {
  if (gateway === 'nginx') return { gateway, ...(await startNginx(target)) }
  const child = launch('gateway.ts')
  const settings = { target, limit: 1_000_000, opens: false }
  const url = await child.ask<string>('create', { file: gateway, settings })
  return { gateway, url, pid: child.pid, stop: undefined }
}
