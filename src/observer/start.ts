import { subscribe } from 'node:diagnostics_channel'
import { httpChannels } from './http.js'
import { observer } from './context.js'
import { undiciChannels } from './undici.js'

/** Begins to observe the outgoing calls of this process; once for all copies of the package. */
export function startObserver(): void {
  if (observer.subscribed) return
  observer.subscribed = true
  for (const [name, listener] of Object.entries({ ...httpChannels, ...undiciChannels })) {
    subscribe(name, guarded(listener))
  }
}

/**
 * What throws in a subscriber becomes an uncaught exception. The channels are marked experimental
 * and undici's messages are internals: a version that we do not know must not end the process.
 */
function guarded(listener: (message: unknown) => void): (message: unknown) => void {
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
