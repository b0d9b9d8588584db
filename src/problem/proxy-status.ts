import { type BareItem, type Parameters, parseList, serializeList, Token } from 'structured-headers'
import { codes } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'

/** What is said beside the error itself. */
export interface Circumstances {
  /** Name of this deployment. */
  readonly name: string
  /** Whether the low-level message is shown. */
  readonly details: boolean
  /** Status of the upstream's answer, where there was one. */
  readonly received: number | undefined
  /** The lines of the field that are there already. */
  readonly existing: readonly string[]
}

/** Parameters that are tokens, not strings (RFC 9209, sections 2.1.1 and 2.3). */
const TOKENS = new Set(['error', 'coding'])
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/
const LONGEST_DETAILS = 200

/**
 * The field `Proxy-Status` (RFC 9209): the members that are there already, which are closer to the
 * origin, and ours.
 */
export function proxyStatusOf(error: GatewayError, circumstances: Circumstances): string {
  const { name } = circumstances
  const member = TOKEN.test(name) ? new Token(name) : name
  const ours = serializeList([[member, parametersOf(error, circumstances)]])
  return [...circumstances.existing.filter(isList), ours].join(', ')
}

function parametersOf(error: GatewayError, { details, received }: Circumstances): Parameters {
  const { proxyError } = codes[error.code]
  const given = {
    ...(proxyError !== undefined && { error: proxyError }),
    ...error.options.proxyStatus,
    ...(received !== undefined && { 'received-status': received }),
  }
  const parameters: Parameters = new Map()
  for (const [key, value] of Object.entries(given)) {
    if (value !== undefined) parameters.set(key, itemOf(key, value))
  }
  if (details && error.cause instanceof Error)
    parameters.set('details', printable(error.cause.message))
  return parameters
}

/** One bad line would make the whole field void (RFC 9651, section 4.2). */
function isList(line: string): boolean {
  try {
    return parseList(line).length > 0
  } catch {
    return false
  }
}

function itemOf(key: string, value: string | number): BareItem {
  if (typeof value === 'number') return value
  return TOKENS.has(key) && TOKEN.test(value) ? new Token(value) : printable(value)
}

/** A structured string holds printable ASCII only (RFC 9651, section 3.3.3). */
function printable(text: string): string {
  return text.slice(0, LONGEST_DETAILS).replace(/[^\x20-\x7e]/g, '?')
}
