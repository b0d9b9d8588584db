// Keeps processes on one core, and reads what processor time they have used.
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { sum } from './statistics.js'

/** The core of the gateway, and the core of all others. */
export const CORES = { gateway: 0, others: cpus().length - 1 } as const

/** Whether there is a `taskset`. */
export function canPin(): boolean {
  return spawnSync('taskset', ['--version']).status === 0
}

/** Pins all threads of a process, and those that they will start; does nothing without `taskset`. */
export function pin(pid: number, core: number): void {
  spawnSync('taskset', ['--all-tasks', '--cpu-list', '--pid', String(core), String(pid)])
}

/** Milliseconds of processor time, user and system, of all threads that a process has now. */
export function cpuOf(pid: number): number {
  const tasks = `/proc/${pid}/task`
  // The first figure is the time on a processor, in nanoseconds.
  return (
    sum(
      readdirSync(tasks).map((task) =>
        parseInt(readFileSync(`${tasks}/${task}/schedstat`, 'latin1')),
      ),
    ) / 1e6
  )
}
