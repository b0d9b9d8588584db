import { codes } from '../errors/codes.js'
import {
  byMessage,
  bySyscall,
  counted,
  type Entry,
  type Failure,
  index,
  neutral,
  read,
  type Rule,
} from './rule.js'
import { connection, egress, egressFamilies, resolution } from './connect.js'
import { body, exchange, httpFamilies, parsing } from './http.js'
import { tls, tlsFamilies } from './tls.js'

const misconfigured = neutral('gateway_misconfigured')
/** A mistake in the gateway. */
const bug = neutral('gateway_error')
const circuitOpen = neutral('circuit_open')
const concurrencyLimit = neutral('concurrency_limit')

/** What is thrown before or beside the call. */
const local: readonly Entry[] = [
  [
    `
      ERR_INVALID_URL UND_ERR_INVALID_ARG ERR_INVALID_PROTOCOL ERR_SOCKET_BAD_PORT
      UND_ERR_NOT_SUPPORTED
    `,
    misconfigured,
  ],
  [
    'ERR_UNESCAPED_CHARACTERS ERR_INVALID_CHAR ERR_INVALID_HTTP_TOKEN',
    neutral('request_malformed'),
  ],
  [
    'ERR_HTTP_INVALID_STATUS_CODE ERR_HTTP_INVALID_HEADER_VALUE',
    counted('upstream_protocol_error'),
  ],
  [
    `
      UND_ERR_INVALID_RETURN_VALUE ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE ERR_STREAM_DESTROYED
      ERR_STREAM_WRITE_AFTER_END ERR_STREAM_ALREADY_FINISHED ERR_HTTP_HEADERS_SENT RangeError
    `,
    bug,
  ],
  [
    'TypeError',
    byMessage(
      [
        // A lookup function that found no address.
        [/^Cannot destructure property 'address'/, counted('upstream_dns_failed')],
        [/^terminated$/, counted('upstream_response_incomplete')],
        // fetch wraps whatever went wrong; unknown as it is, it came from the call.
        [/^fetch failed$/, () => undefined],
      ],
      bug,
    ),
  ],
  [
    'Error',
    byMessage([
      // Inside of a fetch that failed before there was a call.
      [/^(?:unknown scheme|bad port)$/, misconfigured],
      // A PKCS #12 file that is none, is cut short, or has another passphrase.
      [/^(?:not enough data|header too long|field missing|mac verify failure)$/, misconfigured],
    ]),
  ],
  ['UND_ERR_DESTROYED UND_ERR_CLOSED', neutral('gateway_shutting_down', { retry: 'safe' })],
  [
    'UND_ERR_BPL_MISSING_UPSTREAM',
    neutral('gateway_misconfigured', { proxyStatus: { error: 'destination_not_found' } }),
  ],
  ['UND_ERR_MAX_ORIGINS_REACHED', concurrencyLimit],
  ['ERR_HTTP_REQUEST_TIMEOUT', neutral('request_timeout')],
]

/** Circuit breakers: opossum by its codes, cockatiel by the names of its classes. */
const breakers: readonly Entry[] = [
  ['EOPENBREAKER BrokenCircuitError IsolatedCircuitError', circuitOpen],
  ['ESEMLOCKED BulkheadRejectedError', concurrencyLimit],
  ['TaskCancelledError', counted('upstream_timeout')],
  [
    'ESHUTDOWN',
    bySyscall({
      none: neutral('gateway_shutting_down', { proxyStatus: { error: 'destination_unavailable' } }),
      otherwise: counted('upstream_connection_lost'),
    }),
  ],
]

type Meaning = Pick<Failure, 'code' | 'counts' | 'retry'>

const MEANINGS: readonly (readonly [statuses: readonly number[], meaning: Meaning])[] = [
  [[429], { code: 'upstream_rate_limited', counts: false }],
  [[503, 529], { code: 'upstream_overloaded', counts: true, retry: 'idempotent' }],
  // From 520 on: what content delivery networks say of the server behind them.
  [
    [502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530],
    { code: 'upstream_error', counts: true },
  ],
  [[501, 505, 511], { code: 'upstream_error', counts: false }],
]

const byNumber = new Map(
  MEANINGS.flatMap(([statuses, meaning]) => statuses.map((status) => [status, meaning] as const)),
)

/** What an error status means when it is an upstream's own answer. */
export { meaningOf as meaningOfStatus }

/** Of the statuses without a meaning of their own, those from 500 speak against the upstream. */
const meaningOf = (status: number): Meaning =>
  byNumber.get(status) ?? {
    code: 'upstream_error',
    counts: status >= 500,
    ...(status < 500 && { retry: 'never' }),
  }

const unusable = counted('upstream_error')

/** A client that throws for error statuses; also when a response is none that it can use. */
function byStatus(error: object): Failure {
  const status = read(error, 'statusCode')
  if (typeof status !== 'number' || !(status >= 400 && status <= 599)) return unusable
  const meaning = meaningOf(status)
  return {
    ...meaning,
    proxyStatus: { 'received-status': status },
    ...(codes[meaning.code].status !== status && { status }),
  }
}

const answers: readonly Entry[] = [
  ['UND_ERR_RESPONSE', byStatus],
  ['UND_ERR_REQ_RETRY', (error) => ({ ...byStatus(error), counts: true })],
]

/** What an error means, by its `code`, or by its `name` where it has none. */
export const failures: ReadonlyMap<unknown, Rule> = index([
  ...connection,
  ...egress,
  ...resolution,
  ...tls,
  ...exchange,
  ...parsing,
  ...body,
  ...local,
  ...breakers,
  ...answers,
])

/** Codes too many to list, by their beginning; the first that fits decides. */
export const families: readonly (readonly [prefix: string, rule: Rule])[] = [
  ...egressFamilies,
  ...tlsFamilies,
  ...httpFamilies,
]

/** The `type` of the errors that raw-body and what is built on it throw about the request. */
export const bodyReaders: ReadonlyMap<unknown, Rule> = index([
  ['entity.too.large parameters.too.many', neutral('content_too_large')],
  ['encoding.unsupported', neutral('unsupported_content_encoding')],
  ['charset.unsupported', neutral('unsupported_media_type')],
  ['entity.parse.failed request.size.invalid', neutral('request_malformed')],
  ['entity.verify.failed', neutral('request_rejected', { status: 403 })],
  ['request.aborted', neutral('client_closed_request')],
])
