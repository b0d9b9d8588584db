import { errorMonitor } from 'node:events'
import type { ClientRequest } from 'node:http'
import { http } from '../common/builtins.js'

/**
 * What follow-redirects (behind http-proxy, axios and others) gives in place of a request: it emits
 * its own errors, such as too many redirections or a body that is too large, and of them no request
 * and no channel tells.
 */
export interface Redirecting {
  readonly _currentRequest: ClientRequest
  setHeader(name: string, value: string): unknown
  removeHeader(name: string): unknown
  on(event: symbol, listener: (error: unknown) => void): unknown
  listeners(event: symbol): unknown[]
}

/** The wrapper of a request, once it has one. */
export const wrapperOf = (request: ClientRequest): Redirecting | undefined => {
  const { _redirectable: wrapper } = request as { readonly _redirectable?: unknown }
  return isRedirecting(wrapper) ? wrapper : undefined
}

export function isRedirecting(target: unknown): target is Redirecting {
  const { _currentRequest: request } = Object(target) as { readonly _currentRequest?: unknown }
  return request instanceof http.ClientRequest
}

/** Tells of the errors of a wrapper, once however often it is asked for. */
export function onWrapperError(
  wrapper: Redirecting,
  listener: (this: Redirecting, error: unknown) => void,
): void {
  if (!wrapper.listeners(errorMonitor).includes(listener)) wrapper.on(errorMonitor, listener)
}
