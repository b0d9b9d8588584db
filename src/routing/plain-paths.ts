import type { Exchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { namesNoPath, pathOf, type Readings, readTarget } from './path.js'
import { refusal } from './segment.js'

/**
 * The check of the path that `routes` makes, for a gateway whose routes are those of another router.
 *
 * Such a router compares the path as it came. So what `routes` may read with its table is refused here:
 * needless escapes (`/%6frders`), path parameters (`/orders;v=1`), dots and blanks at the end of a
 * segment, an encoded `?` or `#`, and escapes that are left after decoding.
 */
export function plainPathsStep(): Step {
  return async function plainPaths(exchange, next) {
    for (const target of targetsOf(exchange)) checkPlain(exchange.req.method, target)
    await next()
  }
}

/** The target as it came, and what a router above has made of it. */
function targetsOf({ url, req }: Exchange): ReadonlySet<string> {
  return new Set([url, req.url ?? ''])
}

/** Characters that are the same encoded and bare (RFC 3986, section 2.3). */
const NEEDLESS = /%(?:4[1-9a-f]|5[0-9af]|6[1-9a-f]|7[0-9ae]|3[0-9]|2[de])/i

function checkPlain(method: string | undefined, target: string): void {
  if (namesNoPath(method, target)) return
  if (NEEDLESS.test(pathOf(target)) || !isPlain(readTarget(target))) throw refusal('ambiguous')
}

/** Letters that lenient readers take for `s` and `k`. */
const LOOKALIKES = /[\u017f\u212a]/

const folded = (text: string): string => text.normalize('NFC').toUpperCase().toLowerCase()

/** Whether the most lenient reader reads the same, but for the case of letters. */
function isPlain({ plain, others }: Readings): boolean {
  if (others === undefined) return true
  const [loose, ...more] = others
  return (
    more.length === 0 &&
    plain.every((segment, at) => folded(segment) === loose?.[at] && !LOOKALIKES.test(segment))
  )
}
