import type { IncomingMessage } from 'node:http'
import { type Code, codes } from '../errors/codes.js'
import type { GatewayError } from '../errors/gateway-error.js'
import { callback, type Check, checkedOptions, oneOf, text } from '../common/options.js'
import type { Exchange } from '../exchange/exchange.js'
import { type Format, formats, isFormatName } from './formats.js'
import type { ErrorInfo } from './info.js'

/** Options of `problemDetails`. */
export interface ProblemDetailsOptions {
  /**
   * Name of this deployment in `Proxy-Status` (RFC 9209, section 2). A request whose `Via` or
   * `CDN-Loop` has the name given here is answered with 502 `loop_detected`. @defaultValue `'gateway'`
   */
  readonly name?: string
  /**
   * Format of the bodies: a name, or a function that renders them or gives the name for this request.
   *
   * @defaultValue `'problem'`
   */
  readonly format?: Format
  /** Prefix of `type`: the code follows it. @defaultValue `'urn:problem-type:good-gateway:'` */
  readonly typeBase?: string
  /** `full` shows low-level messages to the client: for development only. @defaultValue `'safe'` */
  readonly expose?: 'safe' | 'full'
  /** Other statuses for some codes. @defaultValue `{}` */
  readonly status?: Readonly<Partial<Record<Code, number>>>
  /**
   * What happens to an upstream's own 5xx and 429: `pass` forwards them as they are, `wrap` replaces
   * the body by the standard body, and keeps status, `Retry-After` and rate limits; `wrap-foreign` does
   * so only where the body is no JSON, such as the page of a content delivery network.
   * @defaultValue `'pass'`
   */
  readonly upstreamErrors?: 'pass' | 'wrap' | 'wrap-foreign'
  /** Whether a response is replaced; undefined leaves the decision to the gateway. */
  readonly intercept?: (exchange: Exchange, status: number) => boolean | undefined
  /** The id of a request; undefined takes `X-Request-Id`, or else a new id. */
  readonly requestId?: (req: IncomingMessage) => string | undefined
  /** Called for every problem, also for 4xx, and with 499 when the client has left. */
  readonly onError?: (error: GatewayError, info: ErrorInfo, exchange: Exchange) => void
}

/** The options with all defaults filled in. */
export type Settings = Required<
  Omit<ProblemDetailsOptions, 'intercept' | 'requestId' | 'onError'>
> &
  Pick<ProblemDetailsOptions, 'intercept' | 'requestId' | 'onError'>

/** @internal */
export const DEFAULTS = {
  name: 'gateway',
  format: 'problem',
  typeBase: 'urn:problem-type:good-gateway:',
  expose: 'safe',
  status: {},
  upstreamErrors: 'pass',
} as const

const isFormat = (value: unknown): boolean => typeof value === 'function' || isFormatName(value)
const isStatuses = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  Object.entries(value).every(
    ([code, status]) =>
      Object.hasOwn(codes, code) && Number.isInteger(status) && status >= 400 && status <= 599,
  )

/** @internal */
// prettier-ignore
export const CHECKS: Record<keyof ProblemDetailsOptions, Check> = {
  name: [(value) => typeof value === 'string' && /^[\x20-\x7e]+$/.test(value), 'a name in printable ASCII'],
  format: [isFormat, `one of ${Object.keys(formats).map((name) => `"${name}"`).join(', ')}, or a function`],
  typeBase: text,
  expose: oneOf('safe', 'full'),
  status: [isStatuses, 'an object of known codes and statuses from 400 to 599'],
  upstreamErrors: oneOf('pass', 'wrap', 'wrap-foreign'),
  intercept: callback,
  requestId: callback,
  onError: callback,
}

/**
 * Checks the options of `problemDetails` and fills in the defaults.
 *
 * @throws {TypeError} naming the option and the fix.
 */
export function readOptions(options: ProblemDetailsOptions): Settings {
  return { ...DEFAULTS, ...checkedOptions('problemDetails', options, CHECKS) }
}
