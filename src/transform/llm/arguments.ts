import { parseExactJson, writeJson } from '../../content/exact-json.js'
import { decodeUtf8 } from '../../content/utf8.js'
import { isRecord, type Part } from './part.js'

const DEEPEST = 512

/**
 * The arguments of a call, which OpenAI's API writes as text; undefined where it is no JSON object.
 * A model copies long ids into them, and none of their digits is lost.
 */
export function argumentsIn(text: Part): Record<string, unknown> | undefined {
  if (text.text() === '') return {}
  try {
    const value = parseExactJson(decodeUtf8(Buffer.from(text.text())), DEEPEST)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** The text of the arguments of a call. */
export const argumentsText = (input: Part): string => writeJson(input.object())
