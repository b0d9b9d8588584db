/** A time in words: `12 ms`, `3.2 s`, `5 min`, `2 h`, `40 days`. */
export function timeIn(ms: number): string {
  const seconds = Math.abs(ms) / 1000
  if (seconds < 1) return `${Math.round(Math.abs(ms))} ms`
  if (seconds < 120) return `${Number(seconds.toFixed(1))} s`
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.round(seconds / 3600)} h` : `${daysIn(ms)} days`
}

const DAY = 86_400_000

/** Whole days in milliseconds. */
export const daysIn = (ms: number): number => Math.floor(Math.abs(ms) / DAY)

/** A size in words: `312 bytes`, `4.1 KB`. */
export function sizeIn(bytes: number): string {
  if (bytes < 1024) return counted(bytes, 'byte')
  if (bytes < 1_048_576) return `${Number((bytes / 1024).toFixed(1))} KB`
  return `${Number((bytes / 1_048_576).toFixed(1))} MB`
}

/** A number with its noun. */
export const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : /(?:s|sh|ch|x)$/.test(noun) ? 'es' : 's'}`

const LONGEST = 300

/** A text of somebody else on one line, without what a terminal would obey, and not too long. */
export function oneLine(text: string): string {
  const clean = text
    .replace(/[\p{Cc}\p{Bidi_Control}\u2028\u2029]+/gu, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return clean.length > LONGEST ? `${clean.slice(0, LONGEST)}…` : clean
}

/** The same as a part of a sentence: without its full stop. */
export const clause = (text: string): string => oneLine(text).replace(/\.$/, '')

/** The same in quotation marks. */
export const quoted = (text: string): string => `"${oneLine(text)}"`

/** Markdown as the texts of the codes use it, without its marks. */
export const plain = (text: string): string =>
  text.replace(/\[([^\]]+)\]\([^)\s]+\)/g, '$1').replaceAll('`', '')
