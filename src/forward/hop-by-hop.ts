/**
 * Fields for one connection only, with those that proxies invented (RFC 9110, section 7.6.1). The
 * framing is among them: it is made anew for each connection.
 */
export const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

const NONE: ReadonlySet<string> = new Set()

/** The fields that a field `Connection` lists, in lower case. */
export function listedIn(connection: string | undefined): ReadonlySet<string> {
  // What most send.
  if (connection === undefined || connection === 'keep-alive' || connection === 'close') return NONE
  return new Set(
    connection
      .toLowerCase()
      .split(',')
      .map((name) => name.trim())
      .filter((name) => !FRAMING.has(name)),
  )
}

/** Nobody takes these off by an option of the connection: the end of the body would be lost. */
const FRAMING: ReadonlySet<string> = new Set(['content-length', 'host'])
