import type { Sample, Told } from './family.js'

/** Media type of the text format of Prometheus. */
export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

/** Metrics in the text format of Prometheus. */
export function exposition(all: readonly Told[]): string {
  return all.map(blockOf).join('\n')
}

function blockOf({ name, help, type, values }: Told): string {
  const head = `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`
  return head + values.map(lineOf).join('')
}

function lineOf({ metricName, labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(
    ([label, text]) => `${label}="${escaped(text).replaceAll('"', '\\"')}"`,
  )
  return `${metricName}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
