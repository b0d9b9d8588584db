import { codes } from '../errors/codes.js'
import {
  byMessage,
  bySyscall,
  type Classification,
  counted,
  type Entry,
  index,
  neutral,
  read,
  type Rule,
} from './rule.js'
import { connection, egress, egressFamilies, resolution } from './connect.js'
import { body, exchange, httpFamilies, parsing } from './http.js'
import { tls, tlsFamilies } from './tls.js'

const misconfigured = neutral('gateway_misconfigured')
/** A defect in the code of the gateway. */
const bug = neutral('gateway_error')
const circuitOpen = neutral('circuit_open')
const concurrencyLimit = neutral('concurrency_limit')

/** Errors that are thrown before a call, or without one. */
const local: readonly Entry[] = [
  [
    `
      ERR_INVALID_URL UND_ERR_INVALID_ARG ERR_INVALID_PROTOCOL ERR_SOCKET_BAD_PORT
      UND_ERR_NOT_SUPPORTED
    `,
    misconfigured,
  ],
  // Node would not have let such a path or field in: the gateway has made it, mostly by decoding.
  [
    `
      ERR_UNESCAPED_CHARACTERS ERR_INVALID_CHAR ERR_INVALID_HTTP_TOKEN
      ERR_HTTP_INVALID_HEADER_VALUE ERR_HTTP2_INVALID_HEADER_VALUE
    `,
    misconfigured,
  ],
  ['ERR_HTTP_INVALID_STATUS_CODE', counted('upstream_protocol_error')],
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
        // fetch wraps every error of its call: this is not a defect, even where the cause is unknown.
        [/^fetch failed$/, () => undefined],
        // The words of browsers, and of libraries that mock calls.
        [/^(?:Failed to fetch|Network error)$/, counted('upstream_error')],
      ],
      bug,
    ),
  ],
  [
    'Error',
    byMessage([
      // The cause of a "fetch failed" from before the call was made.
      [/^(?:unknown scheme|bad port)$/, misconfigured],
      // A PKCS #12 file that is not one, is truncated, or has another passphrase.
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

/** Other circuit breakers: opossum by its codes, cockatiel by the names of its classes. */
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

type Meaning = Pick<Classification, 'code' | 'counts' | 'retry'>

const MEANINGS: readonly (readonly [statuses: readonly number[], meaning: Meaning])[] = [
  [[429], { code: 'upstream_rate_limited', counts: false }],
  [[503, 529], { code: 'upstream_overloaded', counts: true, retry: 'idempotent' }],
  // From 520 on: statuses that content delivery networks use for errors of their origin server.
  [
    [502, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530],
    { code: 'upstream_error', counts: true },
  ],
  [[501, 505, 511], { code: 'upstream_error', counts: false }],
]

const byNumber = new Map(
  MEANINGS.flatMap(([statuses, meaning]) => statuses.map((status) => [status, meaning] as const)),
)

/** What an error status means when the upstream itself answered with it. */
export { meaningOf as meaningOfStatus }

/** Of the statuses without a row above, those from 500 on count against the upstream. */
const meaningOf = (status: number): Meaning =>
  byNumber.get(status) ?? {
    code: 'upstream_error',
    counts: status >= 500,
    ...(status < 500 && { retry: 'never' }),
  }

const unusable = counted('upstream_error')

/** From a client library that throws for error statuses, and for responses that it cannot use. */
function byStatus(error: object): Classification {
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

/** The rules by the `code` of an error, or by its `name` where it has no code. */
export const rules: ReadonlyMap<unknown, Rule> = index([
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

/** The rules by the prefix of a code, for codes that are too many to list; the first match decides. */
export const families: readonly (readonly [prefix: string, rule: Rule])[] = [
  ...egressFamilies,
  ...tlsFamilies,
  ...httpFamilies,
]

/** The rules by the `type` of an error about the request, from raw-body or a parser that is built on it. */
export const bodyReaders: ReadonlyMap<unknown, Rule> = index([
  ['entity.too.large parameters.too.many', neutral('content_too_large')],
  ['encoding.unsupported', neutral('unsupported_content_encoding')],
  ['charset.unsupported', neutral('unsupported_media_type')],
  ['entity.parse.failed', neutral('request_malformed')],
  // Node has checked the length of what the client sent: somebody else has read a part of it.
  ['request.size.invalid stream.not.readable stream.encoding.set', misconfigured],
  ['entity.verify.failed', neutral('request_rejected', { status: 403 })],
  ['request.aborted', neutral('client_closed_request')],
])
