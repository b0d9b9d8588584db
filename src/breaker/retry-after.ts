/** The date formats of HTTP; only the first one may still be sent (RFC 9110, section 5.6.7). */
const DATE = /^(?:Mon|Tues?|Wed(?:nes)?|Thu(?:rs)?|Fri|Sat(?:ur)?|Sun)(?:day)?,? .* ?\d\d:\d\d:\d\d/

/**
 * The wait in milliseconds that a `Retry-After` asks for; undefined when it is none (RFC 9110,
 * section 10.2.3). `Date.parse` alone would find a year in any text with a number.
 */
export function waitIn(field: string): number | undefined {
  if (/^\d+$/.test(field)) return Number(field) * 1000
  if (!DATE.test(field)) return undefined
  // asctime has no zone; it is UTC like the other two.
  const wait = Date.parse(field.endsWith('GMT') ? field : `${field} GMT`) - Date.now()
  return Number.isNaN(wait) ? undefined : wait
}
