import type { IncomingMessage } from 'node:http'
import Negotiator from 'negotiator'
import type { Rendered } from './formats.js'
import { CONTENT_SECURITY_POLICY, documentOf, escapeHtml } from './html.js'
import type { Problem } from './problem.js'

const HTML = 'text/html'
const JSON_TYPES = ['application/json', 'application/problem+json']

/** Whether the client would rather have a page than what the format gives. */
export function prefersPage(req: IncomingMessage, contentType: string): boolean {
  // Cheaper than negotiating, and true of nearly every client that is a program.
  if (!/text\/(?:html|\*)/i.test(req.headers.accept ?? '')) return false
  const own = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  return new Negotiator(req).mediaType([own, ...JSON_TYPES, HTML]) === HTML && own !== HTML
}

/** The problem for somebody who sees it in a browser. */
export function pageOf(problem: Problem): Rendered {
  return {
    contentType: `${HTML}; charset=utf-8`,
    headers: { 'Content-Security-Policy': CONTENT_SECURITY_POLICY },
    body: documentOf(
      problem.title,
      [
        '<h2>What happened</h2>',
        `<p>${escapeHtml(problem.detail)}</p>`,
        issuesOf(problem),
        '<h2>What to do</h2>',
        `<p>${whatToDo(problem)}</p>`,
        '<h2>Whom to tell</h2>',
        '<p>If it goes on, tell those who run this service, and give them this id: ' +
          `<code>${escapeHtml(problem.request_id)}</code></p>`,
        `<p>Status ${problem.status}, code <code>${escapeHtml(problem.code)}</code>${linkOf(problem)}.</p>`,
      ]
        .filter((line) => line !== '')
        .join('\n'),
    ),
  }
}

function issuesOf({ errors }: Problem): string {
  if (!errors?.length) return ''
  const items = errors.map(({ in: part, pointer, name, detail }) => {
    const place = `${part} ${pointer ?? name ?? ''}`.trim()
    return `<li><code>${escapeHtml(place)}</code> ${escapeHtml(detail)}</li>`
  })
  return `<ul>\n${items.join('\n')}\n</ul>`
}

function whatToDo({ status, retryable, retry_after: wait }: Problem): string {
  if (retryable) {
    return wait === undefined
      ? 'Wait a moment, then try again.'
      : `Wait ${wait} ${wait === 1 ? 'second' : 'seconds'}, then try again.`
  }
  return status < 500
    ? 'Check the address and what you have entered: the same request would fail again.'
    : 'Do not simply repeat it: it may have been carried out, or would fail again. Find out first.'
}

/** `type` leads to a page of its own where it is an address. */
function linkOf({ type }: Problem): string {
  return /^(?:https?:\/)?\//i.test(type)
    ? `, see <a href="${escapeHtml(type)}">what it means</a>`
    : ''
}
