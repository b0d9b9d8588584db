import type { Gateway } from '../gateways/index.js'
import { nobody } from '../servers.js'
import { answers, type Case } from './cases.js'
import { impossible } from './impossible.js'
import { startUpstream } from './upstream.js'

function targetOf({ target }: Case, upstream: string): string {
  if (target === 'dns') return 'http://nonexistent.invalid'
  if (target === undefined) return upstream
  return nobody.url
}

/** Tries one cell of the matrix; throws when it is wrong, and returns why it is what it is. */
export async function runCell(gateway: Gateway, attempt: Case): Promise<string> {
  const { reason, instead } = impossible[gateway.name]?.[attempt.name] ?? {}
  await tryCell(gateway, instead ? answers(attempt.name, instead) : attempt)
  return reason === undefined ? 'right' : `n/a: ${reason}`
}

async function tryCell(gateway: Gateway, attempt: Case): Promise<void> {
  const upstream = await startUpstream()
  const { proxyTimeout } = attempt
  const running = await gateway.start({
    target: await targetOf(attempt, upstream.url),
    ...(proxyTimeout !== undefined && { proxyTimeout }),
  })
  try {
    const { buffers = false, shares = false } = gateway
    await attempt.check({ port: running.port, upstream, buffers, shares })
  } finally {
    await running.close()
    await upstream.close()
  }
}
