// What the command line of `npm run bench` says.
import { parseArgs } from 'node:util'
import type { Amount } from './rounds.js'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    requests: { type: 'string' },
    connections: { type: 'string' },
    sets: { type: 'string' },
    json: { type: 'string' },
  },
})

/** How much is measured. */
export const amount: Amount = {
  rounds: count('rounds', 24, 4),
  requests: count('requests', 1000, 500),
  connections: count('connections', 32, 32),
  sets: count('sets', 3, 1),
}

/** File that gets all figures as JSON. */
export const { json } = values

/** The scenarios named after `--only`, or all. */
export function chosen<T extends { readonly name: string }>(all: readonly T[]): readonly T[] {
  const names = values.only?.split(',') ?? all.map(({ name }) => name)
  const unknown = names.filter((name) => !all.some((one) => one.name === name))
  if (unknown.length > 0)
    throw new TypeError(
      `--only: unknown ${unknown.join(', ')}; there are ${all.map(({ name }) => name).join(', ')}`,
    )
  return all.filter(({ name }) => names.includes(name))
}

function count(name: 'rounds' | 'requests' | 'connections' | 'sets', full: number, quick: number) {
  const value = Number(values[name] ?? (values.quick ? quick : full))
  if (!Number.isSafeInteger(value) || value < 1)
    throw new TypeError(`--${name} must be a whole number above 0`)
  return value
}
