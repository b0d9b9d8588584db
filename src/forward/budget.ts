/** Seconds that are counted together. */
const WINDOW = 10
/** Repetitions that are allowed for each request, and in each second whatever comes. */
const PER_REQUEST = 0.2
const PER_SECOND = 1

interface Second {
  at: number
  requests: number
  repeated: number
}

/**
 * How often requests may be repeated: an upstream that fails under its load would get a multiple of it
 * otherwise. A fifth of the requests, and at least one in a second.
 */
export class Budget {
  readonly #seconds: readonly Second[] = Array.from({ length: WINDOW }, () => ({
    at: -1,
    requests: 0,
    repeated: 0,
  }))

  /** A request has come. */
  count(): void {
    this.#now().requests++
  }

  /** Takes one repetition; false where there is none left. */
  take(): boolean {
    const now = this.#now()
    const counted = this.#seconds.filter(({ at }) => now.at - at < WINDOW)
    const requests = counted.reduce((sum, second) => sum + second.requests, 0)
    const repeated = counted.reduce((sum, second) => sum + second.repeated, 0)
    if (repeated + 1 > Math.max(requests * PER_REQUEST, WINDOW * PER_SECOND)) return false
    now.repeated++
    return true
  }

  #now(): Second {
    const at = Math.floor(performance.now() / 1000)
    const second = this.#seconds[at % WINDOW] as Second
    if (second.at !== at) Object.assign(second, { at, requests: 0, repeated: 0 })
    return second
  }
}

/** Longest wait in milliseconds that an upstream may ask for. */
const LONGEST_ASKED = 2000
/** Milliseconds before the first repetition; twice as many before each further one. */
const FIRST = 50
const LONGEST = 1000

/** Milliseconds until a repetition: what the upstream asks for, else about twice as long each time. */
export function waitBefore(repetition: number, asked: number | undefined): number {
  if (asked !== undefined && asked <= LONGEST_ASKED) return Math.max(asked, 0)
  return Math.min(FIRST * 2 ** (repetition - 1), LONGEST) * (0.5 + Math.random())
}
