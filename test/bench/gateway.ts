// The process of one gateway: it makes the gateway named, and measures itself between begin and end.
import process from 'node:process'
import { answer } from './child.js'
import { type Collections, collections } from './collections.js'
import type { Gateway, Settings } from './gateways/gateway.js'
import { listen } from './listen.js'
import { type Watched, watchMemory } from './memory.js'

/** What a round has cost the process of a gateway. */
export interface Cost extends Collections {
  /** Microseconds of processor time, user and system, of all threads. */
  readonly cpu: number
  /** What of it is user time: the rest is the kernel's, such as copying to and from sockets. */
  readonly user: number
  /** Bytes of resident memory at the end of the round. */
  readonly rss: number
}

// tsx turns it on, and it makes the stack of every error costly.
process.setSourceMapsEnabled(false)

let cpu = process.cpuUsage()
let collected = collections()
let endWatch: ReturnType<typeof watchMemory> | undefined

answer({
  async create({ file, settings }: { file: string; settings: Settings }) {
    const { create } = (await import(`./gateways/${file}.js`)) as Gateway
    return listen(await create(settings))
  },
  begin() {
    collected = collections()
    cpu = process.cpuUsage()
  },
  end(): Cost {
    const { user, system } = process.cpuUsage(cpu)
    return { cpu: user + system, user, rss: process.memoryUsage.rss(), ...collected() }
  },
  watchMemory(watched: Watched) {
    endWatch = watchMemory(watched)
  },
  peaks: () => endWatch?.(),
})
