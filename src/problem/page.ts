import type { IncomingMessage } from 'node:http'
import Negotiator from 'negotiator'
import { escapeHtml } from '../content/escape-html.js'
import type { Rendered } from './formats.js'
import { CONTENT_SECURITY_POLICY, documentOf } from './html.js'
import type { Problem } from './problem.js'

const HTML = 'text/html'
const JSON_TYPES = ['application/json', 'application/problem+json']

/** Whether the client prefers an HTML page to the media type of the format (RFC 9110, section 12.5.1). */
export function prefersPage(req: IncomingMessage, contentType: string): boolean {
  // Quicker than negotiation: nearly all clients that are programs do not ask for HTML.
  if (!/text\/(?:html|\*)/i.test(req.headers.accept ?? '')) return false
  const own = (contentType.split(';')[0] ?? '').trim().toLowerCase()
  return new Negotiator(req).mediaType([own, ...JSON_TYPES, HTML]) === HTML && own !== HTML
}

/** The problem as an HTML page, for a person with a browser. */
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
        '<p>If it happens again, tell the people who run this service, and give them this id: ' +
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
    : 'Do not repeat it at once: it may have been carried out, or it would fail again. Find out first.'
}

/** A link to the page of the problem type, where `type` is a URL. */
function linkOf({ type }: Problem): string {
  return /^(?:https?:\/)?\//i.test(type)
    ? `, see <a href="${escapeHtml(type)}">what it means</a>`
    : ''
}
