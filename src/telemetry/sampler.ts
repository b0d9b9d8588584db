import { callBack } from '../common/callback.js'

/** One window of time; of what came in it only the kind is kept, which leads to no request. */
interface Window<Kind> {
  readonly endsAt: number
  readonly kind: Kind
  taken: number
  suppressed: number
}

/** Most keys that are kept apart at a time. */
const MOST_KEYS = 1000

/** Lets the first of each key in each window of time through, and tells how many the rest were. */
export class Sampler<Kind> {
  readonly #burst: number
  readonly #per: number
  readonly #tellRest: (kind: Kind, suppressed: number) => void
  readonly #windows = new Map<string, Window<Kind>>()
  #timer: NodeJS.Timeout | undefined
  #wakesAt = Infinity

  /** @param per - milliseconds of a window. */
  constructor(burst: number, per: number, tellRest: (kind: Kind, suppressed: number) => void) {
    this.#burst = burst
    this.#per = per
    this.#tellRest = tellRest
  }

  /** Whether one more of this key is let through. */
  take(key: string, kind: Kind): boolean {
    const window = this.#windowOf(key, kind)
    if (window.taken < this.#burst) {
      window.taken++
      return true
    }
    window.suppressed++
    this.#wakeAt(window.endsAt)
    return false
  }

  /** Counts what is left. */
  stop(): void {
    clearTimeout(this.#timer)
    for (const key of this.#windows.keys()) this.#end(key)
  }

  #windowOf(key: string, kind: Kind): Window<Kind> {
    const now = performance.now()
    const known = this.#windows.get(key)
    if (known && now < known.endsAt) return known
    if (known) this.#end(key)
    if (this.#windows.size >= MOST_KEYS) this.#endOldest()
    const window = { endsAt: now + this.#per, kind, taken: 0, suppressed: 0 }
    this.#windows.set(key, window)
    return window
  }

  /** One timer serves all windows: it waits for the one that ends first. */
  #wakeAt(time: number): void {
    if (time >= this.#wakesAt) return
    clearTimeout(this.#timer)
    this.#wakesAt = time
    const wait = Math.max(1, Math.ceil(time - performance.now()))
    this.#timer = setTimeout(() => this.#endSome(), wait).unref()
  }

  /** Ends what is over, and comes back for the rest. */
  #endSome(): void {
    const now = performance.now()
    this.#wakesAt = Infinity
    for (const [key, { endsAt, suppressed }] of this.#windows) {
      if (endsAt <= now) callBack('a logger', () => this.#end(key))
      else if (suppressed > 0) this.#wakeAt(endsAt)
    }
  }

  #endOldest(): void {
    const [key] = this.#windows.keys()
    if (key !== undefined) this.#end(key)
  }

  #end(key: string): void {
    const window = this.#windows.get(key)
    this.#windows.delete(key)
    if (window && window.suppressed > 0) this.#tellRest(window.kind, window.suppressed)
  }
}
