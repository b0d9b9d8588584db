import type { IncomingMessage } from 'node:http'

/** What `Connection` lists without meaning a field that is for the end of the way. */
const OPTIONS = new Set(['close', 'keep-alive', 'upgrade', 'te', ''])

const NONE: readonly string[] = []

/** The fields that `Connection` lists, in lower case: proxies drop them (RFC 9110, section 7.6.1). */
export function connectionNames({ headers }: Pick<IncomingMessage, 'headers'>): readonly string[] {
  const { connection } = headers
  // What most clients send.
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return NONE
  const names = connection.toLowerCase().split(',')
  return names.map((name) => name.trim()).filter((name) => !OPTIONS.has(name))
}
