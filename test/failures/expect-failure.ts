import assert from 'node:assert/strict'
import { type Code, codes, type Retry } from '../../src/errors/codes.js'
import { classify, type Failure } from '../../src/failures/classify.js'

/** The columns st, RFC 9209, retry (wait is idem) and brk of the map of errors. */
export type Expected =
  `${number} ${string} ${'safe' | 'idem' | 'no'} ${'yes' | 'no'}${'' | ` ${string}=${string}`}`
const RETRIES: Record<Retry, string> = { safe: 'safe', idempotent: 'idem', never: 'no' }

/** What a client and a circuit breaker see of a failure, in the words of the map. */
export function seen({ code, status, proxyStatus, retry, counts }: Failure): string {
  const row = codes[code]
  const { error = '-', ...parameters } = proxyStatus ?? { error: row.proxyError }
  return [
    status ?? row.status,
    error,
    RETRIES[retry ?? row.retry],
    counts ? 'yes' : 'no',
    ...Object.entries(parameters).map((pair) => pair.join('=')),
  ].join(' ')
}

/** An error with these properties, as a library would make it. */
export function errorOf(properties: Record<string, unknown>): Error {
  const { message, ...rest } = properties
  return Object.assign(new Error(typeof message === 'string' ? message : 'Boom'), rest)
}

/** Checks what an error is classified as. */
export function expectFailure(error: unknown, code: Code, expected?: Expected): Failure {
  const failure = classify(error)
  assert.ok(failure, 'unknown')
  assert.equal(failure.code, code)
  if (expected !== undefined) assert.equal(seen(failure), expected)
  return failure
}
