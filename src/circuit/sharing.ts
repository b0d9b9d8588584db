/** What other processes know of a circuit. */
export type News =
  | {
      readonly state: 'open'
      /** When it may be probed, in milliseconds of `performance.now()`. */
      readonly until: number
      /** Milliseconds that it was opened for. */
      readonly wait: number
      /** How many times in a row it has opened. */
      readonly inRow: number
    }
  | { readonly state: 'closed' }

/** Who shares one circuit with other processes. */
export interface Shared {
  /** It has opened by calls of its own. */
  opened(): void
  /** It has closed by a probe of its own. */
  closed(): void
  /** An operator has opened it. */
  held(): void
  /** An operator has closed it. */
  released(): void
  /** Whether it may send the one probe of all; answers after a bounded time. */
  lease(): Promise<boolean>
  /** Its probe has decided nothing. */
  free(): void
  /** The circuit is gone, or is shared no more. */
  left(): void
}

/** How others have opened a circuit. */
export type Opening = Extract<News, { readonly state: 'open' }>

/** Milliseconds until the others probe; where that has passed, all of their wait. */
export function leftOf({ until, wait }: Opening): number {
  const left = Math.ceil(until - performance.now())
  return left > 0 ? left : wait
}
