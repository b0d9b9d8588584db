import { isRecord, type Part } from './part.js'

/** The arguments of a call, which OpenAI's API writes as text; undefined where it is no JSON object. */
export function argumentsIn(text: Part): Record<string, unknown> | undefined {
  if (text.text() === '') return {}
  try {
    const value: unknown = JSON.parse(text.text())
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}
