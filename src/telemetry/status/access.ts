import type { IncomingMessage } from 'node:http'

/** Addresses of the machine itself; a socket of IPv6 shows those of IPv4 inside of its own. */
const LOOPBACK = /^(?:(?:::ffff:)?127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1)$/i
/** Hosts that lead to it; any other may be a name of somebody else that resolves to it (DNS rebinding). */
const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i
/** Fields that a proxy adds: then the socket is the proxy's, and the client may be anybody. */
const PROXY_FIELD = /^(?:forwarded|x-forwarded-.*|x-real-ip|via)$/

/** Whether a request comes from this machine, was sent to it, and passed no proxy. */
export function isLocal({ socket, headers }: IncomingMessage): boolean {
  const { host, ':authority': authority } = headers
  const named = [host, authority].filter((each) => each !== undefined)
  return (
    LOOPBACK.test(socket?.remoteAddress ?? '') &&
    named.length > 0 &&
    named.every((each) => typeof each === 'string' && LOCAL_HOST.test(each)) &&
    !Object.keys(headers).some((name) => PROXY_FIELD.test(name))
  )
}

/**
 * Whether a browser says that its own page sends the request, and no page of another site. Browsers
 * leave out `Sec-Fetch-Site` where neither TLS nor the loopback name makes the origin a trustworthy one.
 */
export function isSameOrigin(req: IncomingMessage): boolean {
  const site = req.headers['sec-fetch-site']
  return site === undefined ? hasOwnOrigin(req) : site === 'same-origin'
}

function hasOwnOrigin({ headers, socket }: IncomingMessage): boolean {
  const { origin = '', ':authority': authority } = headers
  const host = headers.host ?? String(authority ?? '')
  const [, scheme = ''] = /^(https?):\/\/[^/?#@\\]+$/i.exec(origin) ?? []
  // A proxy may have ended TLS before us; nobody can have begun it.
  if (scheme === '' || (isEncrypted(socket) && scheme !== 'https')) return false
  const own = `${scheme}://${host}`
  // Parsed, so that neither case nor a default port makes a difference.
  return URL.canParse(origin) && URL.canParse(own) && new URL(origin).host === new URL(own).host
}

const isEncrypted = (socket: object | undefined): boolean =>
  socket !== undefined && Reflect.get(socket, 'encrypted') === true
