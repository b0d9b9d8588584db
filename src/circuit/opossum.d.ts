declare module '#opossum' {
  import type { EventEmitter } from 'node:events'

  interface Options {
    name: string
    timeout: false
    resetTimeout: number
    errorThresholdPercentage: number
    volumeThreshold: number
    rollingCountTimeout: number
    rollingCountBuckets: number
    rollingPercentilesEnabled: false
    enableSnapshots: false
    rotateBucketController: EventEmitter
  }

  // oxlint-disable-next-line import/no-default-export -- opossum is CommonJS
  export default class CircuitBreaker<Argument> extends EventEmitter {
    constructor(action: (argument: Argument) => Promise<unknown>, options: Options)
    readonly options: Options
    readonly name: string
    readonly opened: boolean
    readonly closed: boolean
    readonly halfOpen: boolean
    readonly stats: Record<'fires' | 'successes' | 'failures', number>
    fire(argument: Argument): Promise<unknown>
    open(): void
    close(): void
    shutdown(): void
  }
}

/** As the tests and the benchmark import it. */
declare module 'opossum' {
  export { default } from '#opossum'
}
