import { execFile } from 'node:child_process'
import type { LookupAddress } from 'node:dns'

/** What getaddrinfo has said, and how long it took. */
export interface Lookup {
  readonly addresses: readonly LookupAddress[]
  readonly error?: unknown
  readonly ms: number
}

/** The error of a lookup that took too long. */
export const TOO_LATE = { code: 'ETIMEOUT', syscall: 'getaddrinfo' } as const

const PROGRAM = `
  import { lookup } from 'node:dns/promises'
  const startedAt = performance.now()
  const found = await lookup(process.argv[1], { all: true })
    .then((addresses) => ({ addresses }), ({ code, syscall }) => ({ addresses: [], error: { code, syscall } }))
  console.log(JSON.stringify({ ...found, ms: Math.round(performance.now() - startedAt) }))
`

/**
 * Asks the system for the addresses of a name, in a process of its own: getaddrinfo cannot be broken off,
 * and Node would wait for it before it exits.
 */
export function lookUp(host: string, timeout: number): Promise<Lookup> {
  const args = ['--input-type=module', '--eval', PROGRAM, '--', host]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout, killSignal: 'SIGKILL' }, (error, stdout) => {
      if (error === null) return resolve(JSON.parse(stdout) as Lookup)
      const late = error.killed === true
      resolve({ addresses: [], error: late ? TOO_LATE : error, ms: late ? timeout : 0 })
    })
  })
}
