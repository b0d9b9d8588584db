/** One line of the text format of Prometheus. */
export interface Line {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const LINE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/
const PAIR = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"/g

/** The lines of a text in the format of Prometheus; throws for one that is in no such form. */
export function linesOf(text: string): Line[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => {
    const [, name = '', inner = '', value] = LINE.exec(line) ?? []
    const pairs = [...inner.matchAll(PAIR)]
    if (name === '' || pairs.map(([pair]) => pair).join(',') !== inner)
      throw new Error(`no line of Prometheus: ${line}`)
    const labels = pairs.map(([, label = '', told = '']) => [label, unescaped(told)] as const)
    return { name, labels: Object.fromEntries(labels), value: Number(value) }
  })
}

const unescaped = (told: string): string =>
  told.replace(/\\(["\\n])/g, (_, char: string) => (char === 'n' ? '\n' : char))

/** The values of a metric where these labels have these values. */
export function valuesOf(text: string, name: string, labels: Line['labels'] = {}): number[] {
  return linesOf(text)
    .filter((line) => line.name === name)
    .filter((line) => Object.entries(labels).every(([label, told]) => line.labels[label] === told))
    .map(({ value }) => value)
}
