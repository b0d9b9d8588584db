/** Characters that cannot be seen or turn the text around them, and so could forge what is shown. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu

/** A text that clients may have chosen, such that all of it can be seen, cut to a length. */
export function visible(text: string, most = 120): string {
  const start = text.length > most ? `${text.slice(0, most)}…` : text
  return start.replace(UNSEEN, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`)
}

const UNITS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'min'],
] as const

/** Between a number and its unit no line ends. */
const SPACE = '\u00a0'

/** A time span in whole units, such as "8 s" or "3 min". */
export function span(seconds: number): string {
  for (const [size, unit] of UNITS)
    if (seconds >= 2 * size) return `${Math.floor(seconds / size)}${SPACE}${unit}`
  return `${Math.max(0, Math.round(seconds))}${SPACE}s`
}

/** A latency with three digits at most, such as "4.2 ms" or "1.25 s". */
export function latency(seconds: number): string {
  return seconds < 1 ? `${digits(seconds * 1000)}${SPACE}ms` : `${digits(seconds)}${SPACE}s`
}

/** A number with three digits at most that count. */
export const digits = (value: number): string =>
  value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))

/** A number of things: "1 circuit", "3 circuits". */
export const counted = (count: number, thing: string): string =>
  `${count} ${thing}${count === 1 ? '' : 's'}`
