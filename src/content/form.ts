import { type GatewayError, withoutStack } from '../errors/gateway-error.js'
import { collect, isDecodable, type Raw } from './pairs.js'

/** Most fields of a form: the bound of the parsers that upstreams use. */
const MOST_FIELDS = 1000

/**
 * Parses `application/x-www-form-urlencoded` (URL Standard, section 5.1).
 *
 * What its parsers do not agree about is refused: escapes that are broken or no UTF-8, and control
 * characters. Blanks and letters that are not encoded, as `curl -d` sends them, are what they are.
 *
 * @throws {GatewayError} `request_malformed`, or `content_too_large` for more than 1,000 fields.
 */
export function parseForm(text: string): ReadonlyMap<string, Raw> {
  const broken = /[\p{Cc}]|%(?![\da-f]{2})/iu.exec(text)
  if (broken) throw malformed(broken.index)
  const pairs = text.split('&', MOST_FIELDS + 1)
  if (pairs.length > MOST_FIELDS)
    throw withoutStack('content_too_large', {
      detail: `The form has more than ${MOST_FIELDS} fields.`,
    })
  let at = 0
  for (const pair of pairs) {
    if (!isDecodable(pair)) throw malformed(at)
    at += pair.length + 1
  }
  // A mark of its own: a form that begins with one would lose it.
  return collect(new URLSearchParams(`?${text}`))
}

const malformed = (at: number): GatewayError =>
  withoutStack('request_malformed', {
    detail: `The body is not a well-formed form at character ${at + 1}.`,
  })
