import type { Host, Setup } from './hosts.js'
import { type Received, sendRaw } from './raw-client.js'

/** Starts a gateway, sends it the packets of one request, and returns all that comes back; the gateway is stopped. */
export async function askGateway(
  host: Host,
  setup: Setup,
  ...packets: readonly string[]
): Promise<Received> {
  const gateway = await host.start(setup)
  try {
    return await sendRaw(gateway.port, ...packets)
  } finally {
    await gateway.close()
  }
}
