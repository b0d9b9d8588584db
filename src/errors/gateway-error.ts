import { type Code, type CodeRow, codes, type Retry } from './codes.js'

/** One violation of a schema. */
export interface Issue {
  /** The part of the request or of the response that it is about. */
  readonly in: 'body' | 'query' | 'params' | 'headers' | 'cookies' | 'response'
  /** JSON Pointer as a URI fragment (RFC 6901, section 6), for `body` and `response`. */
  readonly pointer?: string
  /** Name of the parameter, for the other parts. */
  readonly name?: string
  /** The keyword of the schema that failed. */
  readonly code: string
  /** What was expected, in plain English; never contains the value itself. */
  readonly detail: string
}

/** What one error adds to the row of its code, or replaces in it. */
export interface GatewayErrorOptions {
  /** Replaces the default detail. The client gets it: no host, address or low-level message in it. */
  readonly detail?: string
  /** The low-level error, for the log only. */
  readonly cause?: unknown
  /** Status instead of the code's own. */
  readonly status?: number
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number
  /** Response headers that belong to the error, such as `Allow` or `Accept`. */
  readonly headers?: Readonly<Record<string, string>>
  /** The violations of the schema. */
  readonly errors?: readonly Issue[]
  /** Whether there were more violations than `errors` lists. */
  readonly errorsTruncated?: boolean
  /** Name of the upstream, as its circuit breaker names it. */
  readonly upstream?: string
  /** Error token and parameters of `Proxy-Status` instead of the code's own. */
  readonly proxyStatus?: ProxyStatus
  /** Retry class instead of the code's own. */
  readonly retry?: Retry
}

/** The error token of a `Proxy-Status` member and its extra parameters (RFC 9209, section 2.3). */
export interface ProxyStatus {
  /** Undefined where the upstream answered with an error of its own: no step of the gateway failed. */
  readonly error?: string | undefined
  readonly [parameter: string]: string | number | undefined
}

/** Plain JavaScript may give any text. */
function rowOf(code: Code): CodeRow {
  if (Object.hasOwn(codes, code)) return codes[code]
  throw new TypeError(
    `GatewayError: ${JSON.stringify(code)} is none of the codes; take gateway_error for what has no code of its own.`,
  )
}

const BRAND = Symbol.for('good-gateway.error')

/**
 * A failure of the gateway, in the shape that Koa, Express and finalhandler can answer without help.
 *
 * `status`, `statusCode`, `expose` and `headers` follow the http-errors contract, so a host without
 * `problemDetails` still sends the right status and `Retry-After`. The message is the safe detail.
 *
 * @throws {TypeError} when the code is none of the table.
 */
export class GatewayError extends Error {
  readonly code: Code
  readonly status: number
  readonly statusCode: number
  /** Whether the message may reach the client: true for all codes but `gateway_error`. */
  readonly expose: boolean
  readonly headers: Readonly<Record<string, string>>
  readonly options: GatewayErrorOptions

  constructor(code: Code, options: GatewayErrorOptions = {}) {
    const row = rowOf(code)
    super(
      options.detail ?? describe(row, options.upstream),
      'cause' in options ? { cause: options.cause } : undefined,
    )
    this.name = 'GatewayError'
    this.code = code
    this.status = options.status ?? row.status
    this.statusCode = this.status
    this.expose = code !== 'gateway_error'
    this.options = options
    this.headers = headersOf(options)
  }

  /** Whether a value is a `GatewayError`, of this copy of the package or of another one. */
  static is(value: unknown): value is GatewayError {
    try {
      return typeof value === 'object' && value !== null && BRAND in value
    } catch {
      // A Proxy whose traps throw.
      return false
    }
  }
}

// On the prototype: a property of each instance would cost time at each failure.
Object.defineProperty(GatewayError.prototype, BRAND, { value: true })

/**
 * Makes an error for a request that is refused. It has no stack: that would cost more than all the rest
 * of the answer, many refusals come at once, and their place is always the same.
 */
export function withoutStack(code: Code, options?: GatewayErrorOptions): GatewayError {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return new GatewayError(code, options)
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

function headersOf({ headers, retryAfter }: GatewayErrorOptions): GatewayError['headers'] {
  const own: Record<string, string> = { ...headers }
  if (retryAfter !== undefined) own['Retry-After'] = String(retryAfter)
  return own
}

const PLACE = '{upstream}'

/** Fills the name of the upstream into the default detail of a code. */
export function describe(
  { detail }: Pick<CodeRow, 'detail'>,
  upstream: string | undefined,
): string {
  const at = detail.indexOf(PLACE)
  if (at === -1) return detail
  const unnamed = at === 0 ? 'The upstream' : 'the upstream'
  const name = upstream === undefined ? unnamed : JSON.stringify(upstream)
  return detail.slice(0, at) + name + detail.slice(at + PLACE.length)
}
