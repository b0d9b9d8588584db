/** One event of a stream of server-sent events, or a comment between two of them. */
export interface StreamEvent {
  /** Type of the event; clients take one without a type for `message`. */
  readonly event?: string
  /** The data, its lines joined by line feeds. */
  readonly data: string
  readonly id?: string
  /** Text of a comment, a line that clients skip; such an event has empty data. */
  readonly comment?: string
}

/** The text of an event, its blank line included; a comment is a line of its own, without one. */
export function eventText({ event, data, id, comment }: StreamEvent): string {
  if (comment !== undefined) return comment === '' ? ':\n' : linesOf('', comment)
  const head = `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}`
  return `${head}${linesOf('data', data)}\n`
}

/** Whether a text has more than one line. */
export const hasBreak = (text: string): boolean => text.includes('\n') || text.includes('\r')

/** A field with a line for each line of its value. */
function linesOf(field: string, value: string): string {
  if (!hasBreak(value)) return `${field}: ${value}\n`
  return value
    .split(/\r\n|\r|\n/)
    .map((line) => `${field}: ${line}\n`)
    .join('')
}
