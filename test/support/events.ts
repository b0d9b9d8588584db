import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Events } from '../../src/common/event-shapes.js'

/** What was published while a test listened. */
export interface Recorded {
  /** The events of one channel, in their order. */
  of<Name extends keyof Events>(name: Name): Events[Name][]
  stop(): void
}

const names = [
  'request:start',
  'request:end',
  'call:end',
  'problem',
  'circuit',
  'refusal',
  'fleet',
] as const satisfies readonly (keyof Events)[]

/** Listens to all channels as anybody can: by `node:diagnostics_channel` alone. */
export function recordEvents(): Recorded {
  const seen = new Map<string, unknown[]>()
  const listener = (event: unknown, name: string | symbol): void => {
    const key = String(name)
    seen.set(key, [...(seen.get(key) ?? []), event])
  }
  for (const name of names) subscribe(`good-gateway:${name}`, listener)
  return {
    of: <Name extends keyof Events>(name: Name) =>
      (seen.get(`good-gateway:${name}`) ?? []) as Events[Name][],
    stop() {
      for (const name of names) unsubscribe(`good-gateway:${name}`, listener)
    },
  }
}
