import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Events } from './event-shapes.js'
import { warnThrew } from './callback.js'

/** A channel of `node:diagnostics_channel`, as those who publish see it. */
interface EventChannel<Event> {
  readonly hasSubscribers: boolean
  publish(event: Event): void
}

const PREFIX = 'good-gateway:'
const named = <Name extends keyof Events>(name: Name): EventChannel<Events[Name]> =>
  channel(PREFIX + name)

/** A property of a module is faster than one of an object. */
export const requestStart = named('request:start')
export const requestEnd = named('request:end')
export const callEnd = named('call:end')
export const problem = named('problem')
export const circuit = named('circuit')
export const refusal = named('refusal')
export const fleet = named('fleet')

/**
 * Publishes an event, which is made only where somebody listens. Without a listener it costs a few
 * nanoseconds.
 */
export function tell<Event, About>(
  to: EventChannel<Event>,
  describe: (about: About) => Event,
  about: About,
): void {
  if (to.hasSubscribers) to.publish(describe(about))
}

/** Functions that listen, by the names of the events. */
export type Listeners = { readonly [Name in keyof Events]?: (event: Events[Name]) => void }

/**
 * Listens to events, and returns how to stop. What a listener throws becomes a warning, once: Node
 * would end the process for it.
 */
export function listen(listeners: Listeners): () => void {
  const warn = warnOf()
  const guarded = Object.entries(listeners).map(
    ([name, listener]) =>
      [PREFIX + name, withoutThrowing(listener as (event: unknown) => void, warn)] as const,
  )
  for (const [name, listener] of guarded) subscribe(name, listener)
  return () => {
    for (const [name, listener] of guarded) unsubscribe(name, listener)
  }
}

function warnOf(): (error: unknown) => void {
  let warned = false
  return (error) => {
    if (!warned) warnThrew('a listener of events', error)
    warned = true
  }
}

function withoutThrowing(
  listener: (event: unknown) => void,
  warn: (error: unknown) => void,
): (event: unknown) => void {
  return (event) => {
    try {
      listener(event)
    } catch (error) {
      warn(error)
    }
  }
}
