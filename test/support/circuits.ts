import { breakers } from 'good-gateway'

/** Remembers the circuits that there are, in a hook; what is returned releases those that were made since. */
export function rememberCircuits(): () => void {
  const before = new Set(breakers.list().map(({ name }) => name))
  return () => {
    for (const entry of breakers.list()) if (!before.has(entry.name)) entry.release()
  }
}
