import type { Check } from '../common/options.js'
import { withoutStack } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'

const isPath = (value: unknown): boolean =>
  typeof value === 'string' && /^\/(?:[\w.~-]+(?:\/[\w.~-]+)*)?$/.test(value)

/** An option that is a path, relative to the mount path. */
export const pathOption: Check = [
  isPath,
  'a path that begins with a slash and ends without one, such as "/livez"',
]

/** Whether a request is for this path, with or without a final slash. */
export function isAt({ req: { url = '' } }: Exchange, path: string): boolean {
  // Nearly all requests are for other paths.
  if (!url.startsWith(path)) return false
  const rest = url.slice(path.length).split('?', 1)[0]
  return rest === '' || (rest === '/' && path !== '/')
}

/** @throws {GatewayError} `method_not_allowed` for a method that is not in the list. */
export function refuseOtherMethods({ req }: Exchange, methods: readonly string[]): void {
  if (!methods.includes(req.method ?? ''))
    throw withoutStack('method_not_allowed', { headers: { Allow: methods.join(', ') } })
}
