import type { Contract } from '../diagnose/payload.js'
import { type Checker, compile } from '../validation/schema/compile.js'
import type { Order } from './arguments.js'
import { readBounded } from './files.js'
import { bodyIssues, issuesIn, SETTINGS } from './issues.js'
import { describedBy } from './openapi.js'
import { UsageError } from './usage.js'

/**
 * Compiles the schemas that the caller has in files.
 *
 * @throws {UsageError} when one cannot be read or compiled.
 */
export function readContract(order: Order): Contract {
  const { schema, requestSchema, openapi } = order
  const document =
    openapi === undefined
      ? undefined
      : usable('--openapi', () => describedBy(textOf('--openapi', openapi)))
  // What can be wrong with the operation of the call is wrong before it is made.
  if (document) usable('--openapi', () => document.request(order.call))
  const request = checkerOf('--request-schema', 'body', requestSchema)
  const response = checkerOf('--schema', 'response', schema)
  return {
    request: (call) => joined(request && bodyIssues(request, call), document?.request(call)),
    response: (call, answer) =>
      joined(response && issuesIn(response, answer.value), document?.response(call, answer)),
  }
}

/** Undefined only where there is no schema at all. */
function joined(...lists: readonly (readonly string[] | undefined)[]): string[] | undefined {
  const found = lists.filter((list) => list !== undefined)
  return found.length === 0 ? undefined : found.flat()
}

const textOf = (option: string, path: string): string => readBounded(option, path).toString()

function checkerOf(
  option: string,
  part: 'body' | 'response',
  path: string | undefined,
): Checker | undefined {
  if (path === undefined) return undefined
  const text = textOf(option, path)
  return usable(option, () => compile(part, JSON.parse(text) as object, SETTINGS))
}

/** A mistake in a file of the caller is a wrong use of the command. */
function usable<T>(option: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof UsageError) throw error
    const text = error instanceof Error ? error.message : String(error)
    throw new UsageError(`${option}: ${text.replace(/^(?:validate|routes\.fromOpenAPI): /, '')}`)
  }
}
