import { count, emptyHistogram, percentile } from './latencies.js'

/** What is known of some calls. */
export interface Sums {
  readonly calls: number
  readonly failed: number
  /** Milliseconds until the head of the response; undefined where none has come. */
  readonly p50: number | undefined
  readonly p99: number | undefined
}

const SLOTS = 6
/** Milliseconds of a slot. */
const SLOT = 10_000

interface Slot {
  /** Number of its ten seconds since the epoch; a slot with another number is empty. */
  index: number
  calls: number
  failed: number
  readonly latencies: Uint32Array
}

/** The calls of the last minute: six slots of ten seconds, which are cleared when they are needed again. */
export class Window {
  readonly #slots: readonly Slot[] = Array.from({ length: SLOTS }, () => ({
    index: -1,
    calls: 0,
    failed: 0,
    latencies: emptyHistogram(),
  }))

  /** @param latency - milliseconds until the head of the response, where one has come. */
  add(now: number, isFailure: boolean, latency: number | undefined): void {
    const slot = this.#slotOf(Math.floor(now / SLOT))
    if (slot === undefined) return
    slot.calls += 1
    if (isFailure) slot.failed += 1
    if (latency !== undefined) count(slot.latencies, latency)
  }

  #slotOf(index: number): Slot | undefined {
    const slot = this.#slots[index % SLOTS]
    if (slot !== undefined && slot.index !== index) {
      Object.assign(slot, { index, calls: 0, failed: 0 })
      slot.latencies.fill(0)
    }
    return slot
  }

  sums(now: number): Sums {
    const last = Math.floor(now / SLOT)
    const slots = this.#slots.filter(({ index }) => index > last - SLOTS && index <= last)
    const latencies = emptyHistogram()
    for (const slot of slots)
      for (const [at, each] of slot.latencies.entries()) latencies[at] = (latencies[at] ?? 0) + each
    return {
      calls: slots.reduce((sum, slot) => sum + slot.calls, 0),
      failed: slots.reduce((sum, slot) => sum + slot.failed, 0),
      p50: percentile(latencies, 0.5),
      p99: percentile(latencies, 0.99),
    }
  }
}

/** Seconds that a window looks back: the slot at hand is not over yet. */
export const coveredSeconds = (now: number): number => ((SLOTS - 1) * SLOT + (now % SLOT)) / 1000
