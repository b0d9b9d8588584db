import type { ApiCall } from '../../src/diagnose/call.js'
import { type Diagnosis, diagnose } from '../../src/diagnose/diagnose.js'
import { NO_CONTRACT } from '../../src/diagnose/payload.js'
import { advice } from '../../src/problem/advice.js'
import { rawServer, reply } from './raw-server.js'

/** Diagnoses in this process: the same as the command does, without the time that a process takes. */
export function diagnoseHere(
  call: Partial<ApiCall> & { readonly url: URL },
  timeout = 1000,
): Promise<Diagnosis> {
  const whole = { method: 'GET', headers: [['Accept', '*/*']] as const, body: undefined, ...call }
  return diagnose(whole, {
    limits: { timeout, idle: 0, resolvers: [] },
    contract: NO_CONTRACT,
    advice,
  })
}

/** Diagnoses one answer, as it stands on the wire. */
export async function diagnoseAnswer(
  status: string,
  fields: readonly string[] = [],
  body = '',
): Promise<Diagnosis> {
  const server = await rawServer(reply(status, fields, body))
  try {
    return await diagnoseHere({ url: new URL(server.url) })
  } finally {
    await server.close()
  }
}

/** The findings of a step, a line each. */
export function linesOf({ steps }: Diagnosis, name: string): string {
  const { findings = [] } = steps.find(({ step }) => step === name) ?? {}
  return findings.map(({ level, text }) => `${level}: ${text}`).join('\n')
}
