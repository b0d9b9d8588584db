import { subscribe } from 'node:diagnostics_channel'
import { observer, serverChannels } from './context.js'
import { httpChannels } from './http.js'
import { undiciChannels } from './undici.js'

/** Begins to observe the outgoing calls of this process; once for all copies of the package. */
export function startObserver(): void {
  if (observer.isStarted) return
  observer.isStarted = true
  for (const [name, listener] of Object.entries({
    ...serverChannels,
    ...httpChannels,
    ...undiciChannels,
  })) {
    subscribe(name, withoutThrowing(listener))
  }
  warnOfOthers()
}

/**
 * What throws in a subscriber becomes an uncaught exception. The channels are marked experimental
 * and undici's messages are internals: a version that we do not know must not end the process.
 */
function withoutThrowing(listener: (message: unknown) => void): (message: unknown) => void {
  let warned = false
  return (message) => {
    try {
      listener(message)
    } catch (error) {
      if (!warned) process.emitWarning(error as Error, { code: 'GOOD_GATEWAY_OBSERVER' })
      warned = true
    }
  }
}

const VERSION = 2
const VERSIONS = Symbol.for('good-gateway.versions')
const seen = ((globalThis as { [VERSIONS]?: Set<number> })[VERSIONS] ??= new Set())

/** Copies of the package whose objects differ in shape each observe for themselves. */
function warnOfOthers(): void {
  seen.add(VERSION)
  // Version 0.1 had no list, and a key without a number.
  const isOld = Symbol.for('good-gateway.observer') in globalThis
  if (seen.size < 2 && !isOld) return
  process.emitWarning(
    'good-gateway: two versions of the package run in this process and do not know each other; install one of them only (npm ls good-gateway).',
  )
}
