import assert from 'node:assert/strict'
import { type Code, codes, type Retry } from '../../src/errors/codes.js'
import { classify, type Classification } from '../../src/failures/classify.js'

/** Status, token of `Proxy-Status`, retry class and whether it counts, in one line. */
export type Expected =
  `${number} ${string} ${'safe' | 'idem' | 'no'} ${'yes' | 'no'}${'' | ` ${string}=${string}`}`
const RETRIES: Record<Retry, string> = { safe: 'safe', idempotent: 'idem', never: 'no' }

/** What a client and a circuit breaker see of a classification, in one line. */
export function seen({ code, status, proxyStatus, retry, counts }: Classification): string {
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
export function expectClassification(
  error: unknown,
  code: Code,
  expected?: Expected,
): Classification {
  const classification = classify(error)
  assert.ok(classification, 'unknown')
  assert.equal(classification.code, code)
  if (expected !== undefined) assert.equal(seen(classification), expected)
  return classification
}
