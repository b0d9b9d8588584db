import { crypto } from '../../common/builtins.js'
import { circuitSection } from './circuit-table.js'
import type { CircuitState } from './circuits.js'
import { markup, Markup } from './markup.js'
import type { Report } from './report.js'
import { SCRIPT } from './script.js'
import { fleetSection, problemSection, upstreamSection } from './sections.js'
import { STYLE } from './style.js'
import { clock } from './table.js'
import { counted } from './words.js'

const hashOf = (content: string): string =>
  `'sha256-${crypto.createHash('sha256').update(content).digest('base64')}'`

/** Allows the style and the script of the page, its own stream and forms, and nothing else. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src ${hashOf(STYLE)}`,
  `script-src ${hashOf(SCRIPT)}`,
  "connect-src 'self'",
  // Of the icon, which keeps browsers from asking the gateway for one.
  'img-src data:',
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The fields of the page. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': CONTENT_SECURITY_POLICY,
  'X-Frame-Options': 'DENY',
  // With "no-referrer" a form would be sent with the origin "null".
  'Referrer-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
}

/** The status page as a document. */
export function pageOf(report: Report, hasActions: boolean): string {
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex">
<link rel="icon" href="data:,">
<title>Gateway status</title>
<style>${new Markup(STYLE)}</style>
</head>
<body>
<header>
<h1>Gateway status</h1>
<p class="muted"><span id="time">As of ${clock(report.time, report.time)}.</span> <span id="live" role="status"></span> <a href="">Reload</a></p>
</header>
<main>
<div id="summary" role="status">${summaryOf(report)}</div>
<div id="content">
${circuitSection(report, hasActions)}${upstreamSection(report)}${problemSection(report)}${fleetSection(report)}</div>
</main>
<script>${new Markup(SCRIPT)}</script>
</body>
</html>
`.text
}

/** What is to be looked at, in one sentence. */
function summaryOf({ circuits }: Report): Markup {
  const count = (state: CircuitState): number =>
    circuits.filter((circuit) => circuit.state === state).length
  const parts = [
    [count('open'), 'open'],
    [count('held'), 'held open by hand'],
    [count('half_open'), 'half-open'],
  ] as const
  const told = parts.filter(([many]) => many > 0)
  if (told.length === 0)
    return markup`<p class="summary closed"><span>✓ No circuit is open.</span></p>`
  const sentence = told.map(([many, state]) => `${counted(many, 'circuit')} ${state}`).join(', ')
  return markup`<p class="summary attention"><span>✕ ${sentence}.</span></p>`
}
