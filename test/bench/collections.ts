// The garbage collections of this process: their time, the full marks, and what they have promoted.
import { GCProfiler } from 'node:v8'

/** What was collected between two moments. */
export interface Collections {
  /** Microseconds of all collections on the main thread. */
  readonly collecting: number
  /** Scavenges of the new space. */
  readonly scavenges: number
  /** Full marks of the heap. */
  readonly marks: number
  /** Bytes by which scavenges have made the old spaces grow. */
  readonly promoted: number
}

interface Space {
  readonly spaceName: string
  readonly spaceUsedSize: number
}

/** Begins to listen; the function that it returns ends that and sums up. */
export function collections(): () => Collections {
  const profiler = new GCProfiler()
  profiler.start()
  return () => {
    // Undefined when there was no collection at all.
    const all = profiler.stop()?.statistics ?? []
    const scavenges = all.filter(({ gcType }) => gcType === 'Scavenge')
    return {
      collecting: all.reduce((sum, { cost }) => sum + cost, 0),
      scavenges: scavenges.length,
      marks: all.filter(({ gcType }) => gcType === 'MarkSweepCompact').length,
      promoted: scavenges.reduce(
        (sum, { beforeGC, afterGC }) =>
          sum + old(afterGC.heapSpaceStatistics) - old(beforeGC.heapSpaceStatistics),
        0,
      ),
    }
  }
}

/** Bytes in use outside of the new space. */
function old(spaces: readonly Space[]): number {
  return spaces
    .filter(({ spaceName }) => !spaceName.startsWith('new_'))
    .reduce((sum, { spaceUsedSize }) => sum + spaceUsedSize, 0)
}
