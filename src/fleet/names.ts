import { crypto } from '../common/builtins.js'

/** The keys and the channel of a fleet. The braces keep them on one node of a cluster. */
export interface Names {
  readonly circuits: string
  readonly events: string
  readonly lease: (id: string) => string
}

export function namesOf(fleet: string): Names {
  const prefix = `good-gateway:1:{${fleet}}`
  return {
    circuits: `${prefix}:circuits`,
    events: `${prefix}:events`,
    lease: (id) => `${prefix}:lease:${id}`,
  }
}

const PLAIN = /^[\w.-]{1,64}$/

/**
 * What the fleet calls a circuit: its name, where that is plain. Keys can come from clients, and do not
 * leave the process in clear.
 */
export function idOf(name: string, key: string): string {
  const id = PLAIN.test(name) ? name : `~${digest(name)}`
  return key === '' ? id : `${id}/${digest(key)}`
}

const LENGTH = 22

function digest(text: string): string {
  return crypto.createHash('sha256').update(text).digest('base64url').slice(0, LENGTH)
}

/** A name of this process for others, made anew for each start. */
export const memberName = (): string => crypto.randomBytes(9).toString('base64url')
