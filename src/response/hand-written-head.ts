import type { Head } from './head.js'

const STATUS_LINE = /^HTTP\/1\.[01] (\d{3})/

/** The head that somebody writes to a socket by hand; a status is missing where it only closes. */
export class HandWrittenHead implements Head {
  readonly status: number | undefined
  /** Whether nothing is said. */
  readonly isSilence: boolean
  readonly #text: string

  constructor(word: unknown) {
    const isText = typeof word === 'string' || word instanceof Uint8Array
    this.#text = isText ? Buffer.from(word as string).toString('latin1') : ''
    const status = STATUS_LINE.exec(this.#text)?.[1]
    this.status = status === undefined ? undefined : Number(status)
    this.isSilence = this.#text === ''
  }

  /** Whether another head follows. */
  get isInterim(): boolean {
    return this.status !== undefined && this.status < 200 && this.status !== 101
  }

  header(name: string): string | undefined {
    return this.#text
      .split('\r\n\r\n', 1)[0]
      ?.split('\r\n')
      .find((line) => line.toLowerCase().startsWith(`${name}:`))
      ?.slice(name.length + 1)
      .trim()
  }
}
