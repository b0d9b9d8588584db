import type { IncomingMessage } from 'node:http'

/** Which fields tell the upstream of the client. */
export type ForwardedOption = 'x-forwarded' | 'forwarded' | 'both' | false

/** What tells of the client: nobody but a gateway in front of this one may have set it (RFC 7239). */
export function isAboutClient(lower: string): boolean {
  // Behind CGI and WSGI, an underscore is read as a hyphen.
  const name = lower.startsWith('x_') || lower.startsWith('x-') ? lower.replaceAll('_', '-') : lower
  return name === 'forwarded' || name === 'x-real-ip' || name.startsWith('x-forwarded-')
}

/** The fields about the client, names and values in turn; `came` has those that are trusted. */
export function aboutClient(
  req: IncomingMessage,
  option: ForwardedOption,
  came: Readonly<Record<string, string>>,
): string[] {
  if (option === false) return []
  const fields: string[] = []
  const { address, proto, host } = clientOf(req)
  if (option !== 'forwarded') {
    fields.push('X-Forwarded-For', joined(came['x-forwarded-for'], address))
    fields.push('X-Forwarded-Proto', came['x-forwarded-proto'] ?? proto)
    const known = came['x-forwarded-host'] ?? host
    if (known !== undefined) fields.push('X-Forwarded-Host', known)
  }
  if (option !== 'x-forwarded')
    fields.push('Forwarded', joined(came['forwarded'], elementOf(address, proto, host)))
  return fields
}

interface Client {
  readonly address: string
  readonly proto: string
  readonly host: string | undefined
}

/** Requests that were made up have no socket. */
function clientOf({ socket, headers }: IncomingMessage): Client {
  const host = headers.host ?? headers[':authority']
  return {
    address: addressOf(socket?.remoteAddress),
    proto: socket && 'encrypted' in socket ? 'https' : 'http',
    host: host === undefined ? undefined : String(host),
  }
}

/** On a socket for both, an address of IPv4 is written as one of IPv6. */
function addressOf(address = 'unknown'): string {
  return address.startsWith('::ffff:') ? address.replace(/^::ffff:(?=[\d.]+$)/, '') : address
}

const joined = (before: string | undefined, own: string): string =>
  before === undefined || before.trim() === '' ? own : `${before}, ${own}`

/** One element of the field (RFC 7239, section 4); an address of IPv6 stands in brackets. */
function elementOf(address: string, proto: string, host: string | undefined): string {
  const node = address.includes(':') ? `[${address}]` : address
  const named = host === undefined ? '' : `;host=${quoted(host)}`
  return `for=${quoted(node)}${named};proto=${proto}`
}

const quoted = (text: string): string =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(text) ? text : `"${text.replace(/["\\]/g, String.raw`\$&`)}"`
