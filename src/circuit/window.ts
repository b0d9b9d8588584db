import { EventEmitter } from 'node:events'

/** Parts of the window. */
export const BUCKETS = 10

/** The rolling window of a circuit, which opossum moves on at each `rotate`. */
export class Window {
  readonly rotation = new EventEmitter()
  readonly #bucket: number
  #rotatedAt = performance.now()

  /** @param length - milliseconds. */
  constructor(length: number) {
    this.#bucket = length / BUCKETS
  }

  /** Moves on by the time that has passed, so that an idle circuit needs no timer. */
  rotate(): void {
    const due = Math.floor((performance.now() - this.#rotatedAt) / this.#bucket)
    this.#rotatedAt += due * this.#bucket
    this.#turn(Math.min(due, BUCKETS))
  }

  /** Forgets all that it has counted. */
  clean(): void {
    this.#turn(BUCKETS)
  }

  #turn(buckets: number): void {
    for (let turned = 0; turned < buckets; turned++) this.rotation.emit('rotate')
  }
}
