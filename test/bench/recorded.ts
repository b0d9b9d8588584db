// An answer of the full guard, for the handler that writes the same bytes.
import { request } from 'undici'
import type { Recorded } from './gateways/gateway.js'
import type { Scenario } from './scenarios.js'

/** Fields that Node and Koa write by themselves. */
const ofConnection = new Set(['connection', 'keep-alive', 'date', 'content-length'])

/** Asks a gateway until the answer is the one that the scenario is about. */
export async function recordedAnswer(url: string, { ask }: Scenario): Promise<Recorded> {
  for (let tries = 0; tries < 100; tries += 1) {
    const answer = await request(url + ask.path, {
      method: ask.method,
      body: ask.body ?? null,
      headers: ask.body ? { 'Content-Type': 'application/json' } : {},
    })
    const body = await answer.body.text()
    if (ask.right(answer.statusCode, body.length))
      return { status: answer.statusCode, headers: fieldsOf(answer.headers), body }
  }
  throw new Error(`${ask.method} ${ask.path}: the guard does not give the answer expected`)
}

function fieldsOf(headers: Record<string, string | string[] | undefined>): Recorded['headers'] {
  const fields: Recorded['headers'] = {}
  for (const [name, value] of Object.entries(headers))
    if (value !== undefined && !ofConnection.has(name)) fields[name] = value
  return fields
}
