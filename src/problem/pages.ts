import { type Code, codes, type Retry } from '../errors/codes.js'
import { type Check, checkedOptions } from '../common/options.js'
import { escapeHtml } from '../content/escape-html.js'
import type { Step } from '../exchange/step.js'
import { respond } from '../response/respond.js'
import { advice } from './advice.js'
import { CONTENT_SECURITY_POLICY, documentOf } from './html.js'

/** Options of `problemPages`. */
export interface ProblemPagesOptions {
  /**
   * Path of the list of all pages; the page of a code is at this path and the code. Give
   * `problemDetails` its URL as `typeBase`. @defaultValue `'/problems/'`
   */
  readonly path?: string
}

const isFolder = (value: unknown): boolean =>
  typeof value === 'string' && /^\/(?:[\w.~-]+\/)*$/.test(value)

const CHECKS: Record<keyof ProblemPagesOptions, Check> = {
  path: [isFolder, 'a path that begins and ends with a slash, such as "/problems/"'],
}

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'public, max-age=3600',
}

/**
 * Serves a page for each code, so that the `type` of a problem can link to its explanation.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function problemPagesStep(options: ProblemPagesOptions = {}): Step {
  const { path = '/problems/' } = checkedOptions('problemPages', options, CHECKS)
  const pages = new Map([[path, listOf(path)]])
  for (const code of Object.keys(codes) as Code[]) pages.set(path + code, pageOfCode(code, path))
  return async function problemPages(exchange, next) {
    const { method, url = '' } = exchange.req
    const asked = method === 'GET' || method === 'HEAD' ? url.split('?')[0] : undefined
    const body = asked?.startsWith(path) ? pages.get(asked) : undefined
    if (body === undefined) await next()
    else respond(exchange.response, { status: 200, headers: HEADERS, body })
  }
}

function listOf(path: string): string {
  const items = Object.entries(codes).map(
    ([code, { title, status }]) =>
      `<li><a href="${path}${code}"><code>${code}</code></a> ${status} ${escapeHtml(title)}</li>`,
  )
  return documentOf('Problems', `<ul>\n${items.join('\n')}\n</ul>`)
}

const RETRYABLE: Readonly<Record<Retry, string>> = {
  safe: 'yes, nothing was processed',
  idempotent: 'if the method may be repeated, or the request has an <code>Idempotency-Key</code>',
  never: 'no, the request itself must change',
}

/** What an operator checks, in this order. */
const ORDER = [
  'Is the upstream up?',
  'Is the call right: URL, method, headers, body?',
  'Rate limits.',
  'The logs of the gateway, then those of the upstream.',
  'Ask those who run the upstream.',
]

function pageOfCode(code: Code, path: string): string {
  const { title, status, cause, proxyError, retry } = codes[code]
  const [happened, client, operator] = advice[code]
  return documentOf(
    title,
    [
      `<p>Code <code>${code}</code>, status ${status}, cause <code>${cause}</code>` +
        `${proxyError === undefined ? '' : `, Proxy-Status <code>${proxyError}</code>`}.<br>` +
        `Retry: ${RETRYABLE[retry]}; the member <code>retryable</code> of the body decides.</p>`,
      `<h2>What happened</h2>\n<p>${inline(happened)}</p>`,
      `<h2>What the client should do</h2>\n<p>${inline(client)}</p>`,
      `<h2>What the operator should check</h2>\n<p>${inline(operator)}</p>`,
      `<p>Check in this order:</p>\n<ol>\n${ORDER.map((step) => `<li>${step}</li>`).join('\n')}\n</ol>`,
      '<h2>Whom to tell</h2>\n<p>The people who run the gateway, with the <code>request_id</code> of the ' +
        'body: their logs have it.</p>',
      `<p><a href="${path}">All problems</a></p>`,
    ].join('\n'),
  )
}

/** The Markdown of the texts as HTML: code, and links to the web; other links become plain text. */
function inline(text: string): string {
  return escapeHtml(text)
    .replace(/`([^`]+)`/g, '<code>$1</code>')
    .replace(/\[([^\]]+)\]\((https:[^)\s]+)\)/g, '<a href="$2">$1</a>')
    .replace(/\[([^\]]+)\]\([^)\s]+\)/g, '$1')
}
