/** The date formats of HTTP; only the first one may still be sent (RFC 9110, section 5.6.7). */
const DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .* ?\d\d:\d\d:\d\d/

/**
 * The milliseconds that a `Retry-After` asks to wait; undefined when it is not valid, negative when
 * its date has passed (RFC 9110, section 10.2.3). Fractions and negative numbers, which libraries send, count.
 *
 * The bounds are the caller's. `Date.parse` alone would find a year in any text with a number.
 */
export function waitIn(field: string): number | undefined {
  const text = field.trim()
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  if (!DATE.test(text)) return undefined
  // asctime has no zone; it is UTC like the other two.
  const wait = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - Date.now()
  return Number.isNaN(wait) ? undefined : wait
}
