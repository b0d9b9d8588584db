/** The date formats of HTTP; only the first one may still be sent (RFC 9110, section 5.6.7). */
const DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .* ?\d\d:\d\d:\d\d/

/**
 * The wait that a `Retry-After` asks for, in milliseconds; undefined when it is not valid, negative
 * when its date has passed (RFC 9110, section 10.2.3). Fractions and negative numbers are accepted,
 * since some libraries send them.
 *
 * The caller bounds the wait. `DATE` is checked first because `Date.parse` accepts nearly any text
 * with a number in it.
 */
export function waitIn(field: string): number | undefined {
  const text = field.trim()
  if (/^-?\d+(?:\.\d+)?$/.test(text)) return Number(text) * 1000
  if (!DATE.test(text)) return undefined
  // The asctime format has no time zone; it is UTC, as the other two are.
  const wait = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`) - Date.now()
  return Number.isNaN(wait) ? undefined : wait
}
