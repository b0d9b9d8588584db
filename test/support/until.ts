import { setImmediate, setTimeout } from 'node:timers/promises'

/** How often a turn of the event loop is enough; after that, looking each millisecond leaves the processor to others. */
const TURNS = 100

/** Waits for something that has no event; mocha's timeout bounds it. */
export async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; !condition(); turn++) await (turn < TURNS ? setImmediate() : setTimeout(1))
}
