import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import { type List, parseList, Token } from 'structured-headers'
import type { Problem } from '../../src/problem/problem.js'
import type { Received } from './raw-client.js'

/** Members of the standard body in the order that the contract fixes. */
const ORDER = [
  'type',
  'title',
  'status',
  'detail',
  'code',
  'cause',
  'retryable',
  'retry_after',
  'upstream',
  'errors',
  'errors_truncated',
  'request_id',
]

const ajv = new Ajv2020({ allErrors: true })
formats.default(ajv)
const schema = createRequire(import.meta.url)('good-gateway/problem.schema.json') as object
const fits = ajv.compile(schema)

/** Checks a body, or what a log hook was given, against the published schema. */
export function checkSchema(problem: unknown): asserts problem is Problem {
  assert.ok(fits(problem), `${JSON.stringify(problem)}: ${ajv.errorsText(fits.errors)}`)
}

/** The members of `Proxy-Status`, as a parser of structured fields reads them. */
export function proxyStatusIn(
  head: string,
): { name: string; parameters: Record<string, unknown> }[] {
  const members: List = parseList(fieldOf(head, 'proxy-status') ?? '')
  return members.map(([item, parameters]) => ({
    name: plain(item) as string,
    parameters: Object.fromEntries([...parameters].map(([key, value]) => [key, plain(value)])),
  }))
}

const plain = (item: unknown): unknown => (item instanceof Token ? item.toString() : item)

/** Checks that an answer is a standard body, whole and consistent, and returns it. */
export function problemIn({ head, body, status }: Received): Problem {
  assert.match(
    head,
    /^content-type: application\/problem\+json\r?$/im,
    `not a problem: ${head}\n${body}`,
  )
  assert.match(head, /^cache-control: no-store\r?$/im)
  assert.match(head, /^x-content-type-options: nosniff\r?$/im)
  const problem: unknown = JSON.parse(body)
  checkSchema(problem)
  assert.ok(proxyStatusIn(head).length > 0, `no Proxy-Status: ${head}`)
  assert.equal(Number(fieldOf(head, 'retry-after') ?? 0), problem.retry_after ?? 0)
  assert.match(fieldOf(head, 'vary') ?? '', /\baccept\b/i)
  assert.equal(problem.status, status)
  assert.deepEqual(
    Object.keys(problem),
    ORDER.filter((name) => name in problem),
  )
  assert.equal(problem.type, `urn:problem-type:good-gateway:${problem.code}`)
  assert.equal(fieldOf(head, 'x-request-id'), problem.request_id)
  return problem
}

export function fieldOf(head: string, name: string): string | undefined {
  return new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim()
}
