import type { IncomingMessage } from 'node:http'

/** What `Connection` lists without meaning a field that is for the end of the way. */
const OPTIONS = new Set(['close', 'keep-alive', 'upgrade', 'te', ''])

/** The fields that `Connection` lists, in lower case: proxies drop them (RFC 9110, section 7.6.1). */
export function connectionNames({ headers }: Pick<IncomingMessage, 'headers'>): string[] {
  const names = (headers.connection ?? '').toLowerCase().split(',')
  return names.map((name) => name.trim()).filter((name) => !OPTIONS.has(name))
}
