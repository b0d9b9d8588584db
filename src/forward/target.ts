import { ask } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'

/** Where requests go: an origin, and a path that theirs is appended to. */
export type TargetOption = string | URL | ((exchange: Exchange) => string | URL)

/** A target that was read. */
export interface Place {
  /** Scheme, host and port. */
  readonly origin: string
  /** Begins the path of each request; empty, or with a slash at its start and none at its end. */
  readonly base: string
  /** Name for TLS; undefined for an address, and for plain HTTP. */
  readonly servername: string | undefined
}

/** What is wrong with a target; undefined where nothing is. */
function faultOf(url: URL | undefined): string | undefined {
  if (url === undefined || !/^https?:$/.test(url.protocol))
    return 'an absolute http or https URL, such as http://orders:4000'
  if (url.username !== '' || url.password !== '') return 'a URL without a user name and password'
  if (url.search !== '' || url.hash !== '') return 'a URL without a query and a fragment'
  return undefined
}

function parsed(target: string | URL): URL | undefined {
  if (target instanceof URL) return target
  // The URL parser takes "http:host", too.
  return /^https?:\/\//i.test(target) && URL.canParse(target) ? new URL(target) : undefined
}

function placeAt(url: URL): Place {
  const { origin, protocol, hostname, pathname } = url
  const isName = protocol === 'https:' && !/^\[|^[\d.]+$/.test(hostname)
  return {
    origin,
    base: pathname.endsWith('/') ? pathname.slice(0, -1) : pathname,
    servername: isName ? hostname : undefined,
  }
}

/** What an option must be, where it is no target; undefined where it is one. */
export function faultOfTarget(target: unknown): string | undefined {
  if (typeof target === 'function') return undefined
  const isText = typeof target === 'string' || target instanceof URL
  return faultOf(isText ? parsed(target) : undefined)
}

/** Gives the place of each request; a fixed one is read once. */
export function placeReader(target: TargetOption): (exchange: Exchange) => Place {
  if (typeof target !== 'function') {
    const url = parsed(target)
    if (url === undefined) throw new TypeError('forward: option "target" must be a URL')
    const place = placeAt(url)
    return () => place
  }
  return (exchange) => {
    const given: unknown = ask('target of forward', target, exchange)
    const url = typeof given === 'string' || given instanceof URL ? parsed(given) : undefined
    const fault = faultOf(url)
    if (url === undefined || fault !== undefined)
      throw new GatewayError('gateway_misconfigured', {
        cause: new TypeError(`forward: the function "target" must give ${fault}`),
      })
    return placeAt(url)
  }
}

const ABSOLUTE = /^https?:\/\/([^/?#]*)/i

/** The target of a request in origin-form, as it came (RFC 9112, section 3.2). */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const origin = ABSOLUTE.exec(target)?.[0]
  if (origin === undefined)
    throw new GatewayError('request_malformed', {
      cause: new Error('The target of the request is neither a path nor an http URL.'),
    })
  const path = target.slice(origin.length)
  return path.startsWith('/') ? path : `/${path}`
}

/** The host in a target of absolute-form, which stands above the field (RFC 9112, section 3.2.2). */
export const authorityOf = (target: string): string | undefined => ABSOLUTE.exec(target)?.[1]
