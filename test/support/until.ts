import { setImmediate } from 'node:timers/promises'

/** Waits for something that has no event, a turn of the event loop at a time; mocha's timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate()
}
