import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { prometheus } from 'good-gateway/prometheus'
import { startBare } from './bare.js'
import { faultNames } from './fault-table.js'
import { startFaults } from './faults.js'
import { listing } from './listing.js'
import { onSignal } from './on-signal.js'
import { createProxy, probes } from './proxy.js'
import { readSettings, SettingsError } from './settings.js'
import { startUpstreams } from './upstreams.js'

/** Milliseconds that open requests get to finish after a signal. */
const GRACE = 5000

async function main(): Promise<void> {
  const { port, upstreamUrl } = readSettings(process.env)
  const [upstreams, faults] = await Promise.all([startUpstreams(), startFaults()])
  const targets = Object.fromEntries(faultNames.map((name) => [name, faults.target(name)]))
  const bare = await startBare(targets)
  let base = ''
  const proxy = createProxy({
    upstream: upstreamUrl ?? upstreams.url,
    faults,
    bare,
    listing: () => listing(base),
    metrics: prometheus(),
  })
  const server = proxy.listen(port, '127.0.0.1')
  server.once('error', (error: NodeJS.ErrnoException) => {
    stop(
      error.code === 'EADDRINUSE'
        ? `PORT=${port} is in use: set PORT to a free one, or to 0.`
        : error.message,
    )
  })
  server.once('listening', () => {
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    console.log(listing(base))
  })
  const close = async () => {
    probes.drain()
    await closed(server)
    await Promise.all([upstreams.close(), faults.close(), bare.close()])
  }
  onSignal(() => void close().then(() => process.exit()))
}

/** Lets open requests finish, within bounds. */
function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    // Node 20 closes only what is idle now.
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    server.close(() => {
      clearInterval(idle)
      resolve()
    })
    setTimeout(() => server.closeAllConnections(), GRACE).unref()
  })
}

function stop(reason: string): never {
  console.error(reason)
  process.exit(1)
}

main().catch((error: unknown) => {
  if (error instanceof SettingsError) stop(error.message)
  throw error
})
