// The memory of this process while a request is under way.
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'

/** What is looked at: `held` collects garbage each time, so that only what is needed is counted. */
export type Watched = 'all' | 'held'

/** The most that was seen, in bytes. */
export interface Peaks {
  /** In the heap, and what objects of it keep outside: the bytes of buffers. */
  readonly used: number
  readonly rss: number
}

const EVERY = { all: 5, held: 50 } as const

/** Begins to look; the function that it returns ends that. */
export function watchMemory(watched: Watched): () => Promise<Peaks> {
  const peaks = { used: 0, rss: 0 }
  const end = new AbortController()
  const watching = (async () => {
    do {
      if (watched === 'held') await collect()
      const { rss, heapUsed, external } = process.memoryUsage()
      peaks.rss = Math.max(peaks.rss, rss)
      peaks.used = Math.max(peaks.used, heapUsed + external)
      await setTimeout(EVERY[watched])
    } while (!end.signal.aborted)
  })()
  return async () => {
    end.abort()
    await watching
    return peaks
  }
}

async function collect(): Promise<void> {
  // The second one frees what the callbacks of the first one have let go.
  for (let time = 0; time < 2; time += 1) {
    globalThis.gc?.()
    await new Promise(setImmediate)
  }
}
