import type { ServerResponse } from 'node:http'
import { type Ticker, tickerFor, type Ticking } from '../common/ticker.js'
import { isFull } from '../content/framing.js'
import type { Gate } from '../response/gate.js'

/** A comment without a blank line behind it: some clients take that for an event. */
const COMMENT = ':\n'
const LINE_FEED = 0x0a

/** Writes a comment into a stream of events whenever nothing has come of it for some time. */
export class KeepAlive implements Ticking {
  slot = -1
  readonly #gate: Gate
  readonly #res: ServerResponse
  readonly #time: number
  readonly #ticker: Ticker
  /** The chunk that was written last, and the one that was at the last look. */
  #last: Buffer | undefined
  #seen: Buffer | undefined
  #quietSince: number

  /** @param time - milliseconds of silence. */
  constructor(gate: Gate, res: ServerResponse, time: number) {
    this.#gate = gate
    this.#res = res
    this.#time = time
    this.#ticker = tickerFor(time)
    this.#ticker.add(this)
    this.#quietSince = this.#ticker.now
  }

  wrote(chunk: Buffer): void {
    this.#last = chunk
  }

  tick(now: number): void {
    const last = this.#last
    if (last !== this.#seen) this.#quietSince = now
    this.#seen = last
    if (now - this.#quietSince < this.#time) return
    this.#quietSince = now
    // In the middle of a line it would be a part of the event.
    const isBetween = last === undefined || last.at(-1) === LINE_FEED
    if (isBetween && !this.#gate.settled && !this.#res.writableEnded && !isFull(this.#res))
      this.#res.write(COMMENT)
  }

  stop(): void {
    this.#ticker.remove(this)
  }
}
