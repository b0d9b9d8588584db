import type { Ajv } from 'ajv'

const SCHEME = /^(?:https?|ftp):\/\//i
/** A label of a name, and the last one. */
const LABEL = /^[a-z\d\u{a1}-\u{ffff}]+(?:-+[a-z\d\u{a1}-\u{ffff}]+)*$/iu
const LAST = /^[a-z\u{a1}-\u{ffff}]{2,}$/iu
const IPV4 = /^(?:[1-9]\d?|1\d\d|2[01]\d|22[0-3])(?:\.(?:\d{1,2}|1\d\d|2[0-4]\d|25[0-5])){3}$/
/** Networks that are nobody's address in the internet (RFC 1918, RFC 3927). */
const PRIVATE = /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)/

/** The longest name of a host (RFC 1035, section 2.3.4). */
const LONGEST_HOST = 253

/**
 * Whether a text is an absolute URL of the web, as the format `url` of ajv-formats takes it.
 *
 * The pattern there goes through the text for each of its characters; this reads it once.
 */
export function isUrl(text: string): boolean {
  const scheme = SCHEME.exec(text)?.[0]
  if (scheme === undefined || /\s/.test(text)) return false
  const slash = text.indexOf('/', scheme.length)
  const authority = text.slice(scheme.length, slash === -1 ? undefined : slash)
  const at = authority.lastIndexOf('@')
  if (at === 0) return false
  const place = authority.slice(at + 1)
  const colon = place.lastIndexOf(':')
  const port = colon === -1 ? undefined : place.slice(colon + 1)
  if (port !== undefined && !/^\d{2,5}$/.test(port)) return false
  return isHost(colon === -1 ? place : place.slice(0, colon))
}

function isHost(host: string): boolean {
  if (host.length > LONGEST_HOST) return false
  if (IPV4.test(host)) return !PRIVATE.test(host)
  const labels = host.split('.')
  return (
    labels.length > 1 &&
    labels.every((label) => LABEL.test(label)) &&
    LAST.test(labels.at(-1) ?? '')
  )
}

/** Replaces the formats of ajv-formats that take more time than their text is long. */
export function useLinearFormats(ajv: Ajv): void {
  ajv.addFormat('url', isUrl)
}
