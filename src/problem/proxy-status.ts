import { type BareItem, type Parameters, parseList, serializeList, Token } from 'structured-headers'
import { codes } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'

/** What the field says in addition to the error. */
export interface Circumstances {
  /** Name of this deployment. */
  readonly name: string
  /** Whether the low-level message is shown. */
  readonly details: boolean
  /** Status of the upstream's answer, where there was one. */
  readonly received: number | undefined
  /** The lines of the field that the response already has. */
  readonly existing: readonly string[]
}

/** Parameters that are tokens, not strings (RFC 9209, sections 2.1.1 and 2.3). */
const TOKENS = new Set(['error', 'coding'])
const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/
const LONGEST_DETAILS = 200

/**
 * The field `Proxy-Status` (RFC 9209): the members that the response already has, which come from
 * proxies closer to the origin, and then the one of this gateway.
 */
export function proxyStatusOf(error: GatewayError, circumstances: Circumstances): string {
  const { existing, name, details, received } = circumstances
  const isPlain = !error.options.proxyStatus && !details && received === undefined
  const ours = isPlain ? plainMember(name, error) : memberOf(error, circumstances)
  return existing.length === 0 ? ours : [...existing.filter(isList), ours].join(', ')
}

/** Members that say nothing but the error of the code: one for each code and each mounted name. */
const plainMembers = new Map<string, Map<string, string>>()

function plainMember(name: string, error: GatewayError): string {
  const ofName = plainMembers.get(name) ?? new Map<string, string>()
  plainMembers.set(name, ofName)
  const known = ofName.get(error.code)
  if (known !== undefined) return known
  const member = memberOf(error, { name, details: false, received: undefined })
  ofName.set(error.code, member)
  return member
}

function memberOf(error: GatewayError, circumstances: Omit<Circumstances, 'existing'>): string {
  const { name } = circumstances
  const member = TOKEN.test(name) ? new Token(name) : name
  return serializeList([[member, parametersOf(error, circumstances)]])
}

function parametersOf(
  error: GatewayError,
  { details, received }: Pick<Circumstances, 'details' | 'received'>,
): Parameters {
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

/** Whether a line is valid: one that is not makes the whole field invalid (RFC 9651, section 4.2). */
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

/** Printable ASCII, which is all that a structured string may contain (RFC 9651, section 3.3.3). */
function printable(text: string): string {
  return text.slice(0, LONGEST_DETAILS).replace(/[^\x20-\x7e]/g, '?')
}
