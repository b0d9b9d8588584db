/** A table of Markdown: the first column is text, the others are figures. */
export function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at]?.length ?? 0)))
  const aligned = lines.map((line) =>
    widths.map((width, at) => (line[at] ?? '')[at === 0 ? 'padEnd' : 'padStart'](width)),
  )
  const rule = widths.map((width, at) => '-'.repeat(width - 1) + (at === 0 ? '-' : ':'))
  return [aligned[0] ?? [], rule, ...aligned.slice(1)]
    .map((line) => `| ${line.join(' | ')} |`)
    .join('\n')
}
