import { crypto } from '../common/builtins.js'
import { escapeHtml } from '../content/escape-html.js'

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fff}' +
  'h1{font-size:1.5rem}h2{font-size:1.1rem}code{background:#eee;padding:0 .2em;overflow-wrap:anywhere}' +
  '@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}code{background:#333}a{color:#9cf}}'

const STYLE_HASH = crypto.createHash('sha256').update(STYLE).digest('base64')

/** Allows the style above and nothing else: no script, no image, no form, no frame around the page. */
export const CONTENT_SECURITY_POLICY =
  `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; ` +
  "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** A whole document; `title` is text, `content` is HTML. */
export function documentOf(title: string, content: string): string {
  return (
    '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n' +
    '<meta name="viewport" content="width=device-width">\n<meta name="robots" content="noindex">\n' +
    `<title>${escapeHtml(title)}</title>\n<style>${STYLE}</style>\n</head>\n` +
    `<body>\n<h1>${escapeHtml(title)}</h1>\n${content}\n</body>\n</html>\n`
  )
}
