import { escapeHtml } from '../../content/escape-html.js'

/** Text that is HTML already. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Value = string | number | Markup | readonly Markup[]

/**
 * A template of HTML whose values are escaped, all of them, unless another template has made them. It is
 * not called `html`, since formatters change the content of such templates, and with it its hashes.
 */
export function markup(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(parts.reduce((text, part, at) => text + textOf(values[at - 1] ?? '') + part))
}

function textOf(value: Value): string {
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(({ text }) => text).join('')
  return escapeHtml(String(value))
}
