import { http } from '../common/builtins.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Head } from '../response/head.js'

/** The `Content-Security-Policy` of the page with which Connect and Express answer what nobody handled. */
const POLICY = "default-src 'none'"
const TYPE = 'text/html; charset=utf-8'
/** How the text of the page begins, in all versions since 2015. */
const BEGINNING =
  '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n<pre>'

/**
 * Whether a response is finalhandler's page. It is `maybe` where a wrapper of the response, such as
 * compression, has made the head before we see the text.
 *
 * Applications have the same policy on pages of their own; so it takes the other signs, too.
 */
export function isPage(exchange: Exchange, head: Head): boolean | 'maybe' {
  const { status = 500, text } = head
  // serve-static has the same policy on its redirections.
  if (status < 400 || !hasFields(head) || isRelayed(exchange, head)) return false
  if (text === '' || text === undefined) {
    if (exchange.req.method === 'HEAD') return true
    // What is compressed already cannot be read here.
    return text === undefined && (head.header('content-encoding') !== undefined || 'maybe')
  }
  return isPageText(text)
}

/** Whether a text is that of the page. */
export const isPageText = (text: string): boolean => text.startsWith(BEGINNING)

function hasFields(head: Head): boolean {
  return (
    head.header('content-security-policy') === POLICY &&
    head.header('x-content-type-options') === 'nosniff' &&
    head.header('content-type') === TYPE
  )
}

/** Whether it is the page of an upstream, which may be written in Express, too. */
function isRelayed({ calls: { deciding }, res }: Exchange, head: Head): boolean {
  if (deciding?.status === undefined) return false
  if (deciding.feeds(res)) return true
  const { 'content-security-policy': policy, 'content-length': length } = deciding.fields()
  return policy === POLICY && (length === undefined || length === head.header('content-length'))
}

/** Outside of production the page begins with the name and the message of the error. */
const NAMED = /<pre>(\w+): ([^]*?)(?:<br> &nbsp; &nbsp;at |<\/pre>)/
const ENTITIES: Readonly<Record<string, string>> = {
  '&quot;': '"',
  '&#39;': "'",
  '&lt;': '<',
  '&gt;': '>',
  ' &nbsp;': '  ',
  '<br>': '\n',
  '&amp;': '&',
}

/** The page of a request that nobody has answered, for which there is no error. */
const UNANSWERED = '<pre>Cannot '

/**
 * Whether the page tells that its status is the application's own, and not that of an upstream which a
 * client library has put on its error: nobody has answered, or http-errors, whose classes are named
 * after the statuses, has made the error. In production the page does not name its error.
 */
export const isOwnStatus = (text: string, status: number): boolean =>
  (status === 404 && text.startsWith(UNANSWERED, BEGINNING.length - '<pre>'.length)) ||
  NAMED.exec(text)?.[1] === classOf(status)

/**
 * The message of an error below 500 that http-errors has made: it was written for the client.
 * Undefined for all others.
 */
export function messageOn(text: string, status: number): string | undefined {
  const [, name, message = ''] = NAMED.exec(text) ?? []
  if (status >= 500 || name !== classOf(status)) return undefined
  return (
    message.replace(/ &nbsp;|<br>|&\w+;|&#39;/g, (entity) => ENTITIES[entity] ?? entity) ||
    undefined
  )
}

/** `Not Found` becomes `NotFoundError`. */
function classOf(status: number): string {
  const words = (http.STATUS_CODES[status] ?? '').split(' ')
  const capital = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1))
  const name = capital.join('').replace(/[^\w]/g, '')
  return name.endsWith('Error') ? name : `${name}Error`
}
