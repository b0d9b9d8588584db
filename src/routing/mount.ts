import type { Exchange } from '../exchange/exchange.js'
import { PARAM, REST, type Token } from './key.js'
import { pathOf } from './path.js'

/** What a router of the host has taken off the path of a request; empty at the root. */
export function mountOf(exchange: Exchange): string {
  const { original, rest, mount } = pathsOf(exchange)
  // Koa keeps the mount path of what has run before.
  if (original === rest) return ''
  return mount ?? takenOff(original, rest)
}

/**
 * The paths that a request may have for the outside, the likeliest first.
 *
 * Express says what its routers have taken off. koa-mount says its own part only, and keeps saying it
 * afterwards; connect and polka say nothing, so that a rewritten path looks like a mounted one.
 */
export function wholePaths(exchange: Exchange): readonly string[] {
  const { original, rest, mount } = pathsOf(exchange)
  if (original === rest || mount === '') return [rest]
  if (mount === undefined) return takenOff(original, rest) === '' ? [rest] : [original, rest]
  const together = mount + rest
  return original.endsWith(together) ? [original, together] : [together, rest]
}

interface Paths {
  readonly original: string
  readonly rest: string
  readonly mount: string | undefined
}

function pathsOf({ url, req, mountPath }: Exchange): Paths {
  return {
    original: withoutSlash(pathOf(url)),
    rest: withoutSlash(pathOf(req.url ?? '')),
    mount: mountPath && withoutSlash(mountPath),
  }
}

/** A final slash makes no segment. */
const withoutSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)

/** What stands before the rest in the original path; nothing where it was rewritten. */
const takenOff = (original: string, rest: string): string =>
  original.endsWith(rest) ? original.slice(0, original.length - rest.length) : ''

/** Whether a pattern begins with these segments; a parameter can do so as `loosely` says. */
export function begins(
  pattern: readonly Token[],
  segments: readonly string[],
  loosely: boolean,
): boolean {
  for (const [at, segment] of segments.entries()) {
    const token = pattern[at]
    if (token === REST) return loosely
    if (token === PARAM ? !loosely : token !== segment.toLowerCase()) return false
  }
  return true
}
