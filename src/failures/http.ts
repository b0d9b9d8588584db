import {
  apply,
  byMessage,
  type Classification,
  counted,
  type Entry,
  neutral,
  read,
  type Rule,
  text,
} from './rule.js'

const timeout = counted('upstream_timeout')
const lost = counted('upstream_connection_lost')
/** The request had not been sent. */
const unsent = counted('upstream_connection_lost', { retry: 'safe' })
const incomplete = counted('upstream_response_incomplete')
const notHttp = counted('upstream_protocol_error')
const headersTooLarge = counted('upstream_headers_too_large')
const badChunks = counted('upstream_protocol_error', {
  proxyStatus: { error: 'http_response_transfer_coding', coding: 'chunked' },
})
/** The response was complete; only its connection must not be used again. */
const afterResponse = neutral('upstream_protocol_error')
/** An internal state of a parser, which no caller should see. */
const internal = neutral('gateway_error')
const exhausted = neutral('gateway_overloaded', { retry: 'idempotent' })
const notJson = counted('upstream_response_invalid', {
  proxyStatus: { error: 'http_protocol_error', details: 'response_json' },
})
/** The gateway has sent a body of another length than it announced: Node checks what clients send. */
const badLength = neutral('gateway_misconfigured')

const undecodable = (coding?: string): Classification =>
  counted('upstream_encoding_invalid', {
    ...(coding && { proxyStatus: { error: 'http_response_content_coding', coding } }),
  })

/** The HTTP/2 errors (RFC 9113, section 7) that have a code of their own here, by name and number. */
const HTTP2_ERRORS: ReadonlyMap<string | undefined, Classification> = new Map(
  [
    { keys: ['REFUSED_STREAM', '7'], classification: counted('upstream_overloaded') },
    { keys: ['CANCEL', '8'], classification: lost },
    {
      keys: ['ENHANCE_YOUR_CALM', '11'],
      classification: counted('upstream_rate_limited', {
        proxyStatus: { error: 'connection_limit_reached' },
        retry: 'idempotent',
        status: 503,
      }),
    },
  ].flatMap(({ keys, classification }) => keys.map((key) => [key, classification] as const)),
)

/** The messages of `node:http2` and of undici: only they have the HTTP/2 error. */
const HTTP2_TEXT =
  /(?:closed with error|"GOAWAY" frame received with|"stream error" received -) code (?:NGHTTP2_)?(\w+)/

const byHttp2Error =
  (otherwise: Rule): Rule =>
  (error) =>
    HTTP2_ERRORS.get(HTTP2_TEXT.exec(text(error, 'message'))?.[1]) ?? apply(otherwise, error)

const tooLarge = neutral('upstream_response_too_large')

/** What follow-redirects and axios refuse by themselves. */
const limits: readonly Entry[] = [
  ['ERR_FR_TOO_MANY_REDIRECTS', counted('upstream_error')],
  ['ERR_FR_REDIRECTION_FAILURE', notHttp],
  ['ERR_FR_MAX_BODY_LENGTH_EXCEEDED', neutral('content_too_large')],
  ['ERR_BAD_RESPONSE', byMessage([[/^maxContentLength size of /, tooLarge]])],
  ['ERR_BAD_REQUEST', byMessage([[/maxBodyLength limit$/, neutral('content_too_large')]])],
]

/** From the start of the request to the head of the response. */
export const exchange: readonly Entry[] = [
  ...limits,
  [
    'UND_ERR_SOCKET',
    byMessage([[/^bad upgrade/, counted('upstream_upgrade_failed')]], byHttp2Error(lost)),
  ],
  ['EPIPE', lost],
  // An abort while the client is still connected: the gateway has stopped waiting.
  [
    `
      UND_ERR_HEADERS_TIMEOUT ABORT_ERR UND_ERR_ABORT ERR_CANCELED ESOCKETTIMEDOUT TimeoutError
      AbortError
    `,
    timeout,
  ],
  [
    'UND_ERR_ABORTED',
    byMessage(
      [
        [/^Proxy response \(407\)/, counted('gateway_misconfigured', { status: 502 })],
        [/^Proxy response \(\d+\)/, counted('upstream_protocol_error')],
      ],
      timeout,
    ),
  ],
  ['ERR_HTTP2_STREAM_ERROR ERR_HTTP2_SESSION_ERROR', byHttp2Error(notHttp)],
  ['ERR_HTTP2_GOAWAY_SESSION ERR_HTTP2_STREAM_CANCEL', unsent],
  ['ERR_HTTP2_ERROR', counted('upstream_protocol_error', { retry: 'safe' })],
  [
    `
      ERR_HTTP2_INVALID_SESSION ERR_HTTP2_OUT_OF_STREAMS ERR_HTTP2_PING_CANCEL
      ERR_HTTP2_SETTINGS_CANCEL ERR_HTTP2_MAX_PENDING_SETTINGS_ACK ERR_HTTP2_NO_MEM
      ERR_HTTP2_TOO_MANY_INVALID_FRAMES
    `,
    lost,
  ],
  [
    'UND_ERR_INFO',
    byMessage([[/^No DNS entries found/, counted('upstream_dns_failed')]], byHttp2Error(notHttp)),
  ],
]

/** Parsing the response. */
export const parsing: readonly Entry[] = [
  ['HPE_INVALID_TRANSFER_ENCODING HPE_INVALID_CHUNK_SIZE HPE_CHUNK_EXTENSIONS_OVERFLOW', badChunks],
  ['HPE_HEADER_OVERFLOW UND_ERR_HEADERS_OVERFLOW', headersTooLarge],
  ['HPE_INVALID_EOF_STATE', incomplete],
  ['HPE_CLOSED_CONNECTION', afterResponse],
  ['HPE_INTERNAL HPE_USER HPE_OK HPE_PAUSED HPE_PAUSED_UPGRADE HPE_PAUSED_H2_UPGRADE', internal],
  ['UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR UND_ERR_HTTP_PARSER', notHttp],
  // undici drops llhttp's code and keeps its reason, in parentheses.
  [
    'HTTPParserError',
    byMessage(
      [
        [/callback error|pause/i, internal],
        [/\(Data after/, afterResponse],
        [/\(Invalid EOF/, incomplete],
        [/\((?!Content-Length).*(?:chunk|Transfer-Encoding)/i, badChunks],
      ],
      notHttp,
    ),
  ],
]

const aboutJson = byMessage([[/\bJSON\b/, notJson]])

/** An error with a `status` is about the request: body parsers put one on what they throw. */
const jsonError: Rule = (error) =>
  read(error, 'status') === undefined ? aboutJson(error) : undefined

/** After the head of the response. */
export const body: readonly Entry[] = [
  ['UND_ERR_BODY_TIMEOUT', counted('upstream_idle_timeout')],
  ['ERR_STREAM_PREMATURE_CLOSE', incomplete],
  // undici limits WebSocket messages as it limits bodies.
  [
    'UND_ERR_RES_EXCEEDED_MAX_SIZE UND_ERR_WS_MESSAGE_SIZE_EXCEEDED',
    neutral('upstream_response_too_large'),
  ],
  ['Z_DATA_ERROR Z_BUF_ERROR Z_STREAM_ERROR Z_NEED_DICT', undecodable('gzip')],
  ['ERR_BUFFER_TOO_LARGE', undecodable()],
  ['Z_MEM_ERROR ERR_OUT_OF_MEMORY ZSTD_error_memory_allocation', exhausted],
  ['ERR_ENCODING_INVALID_ENCODED_DATA', notJson],
  ['SyntaxError', jsonError],
  ['UND_ERR_REQ_CONTENT_LENGTH_MISMATCH ERR_HTTP_CONTENT_LENGTH_MISMATCH', badLength],
]

/** Prefixes of the codes that llhttp and the decoders build from names. */
export const httpFamilies: readonly (readonly [prefix: string, rule: Rule])[] = [
  ['HPE_CB_', internal],
  ['HPE_', notHttp],
  ['ERR__ERROR_FORMAT_', undecodable('br')],
  ['ERR__ERROR_ALLOC_', exhausted],
  ['ZSTD_error_', undecodable('zstd')],
  // Thrown when the application passes on what is not valid in a head of the upstream.
  ['ERR_HTTP2_INVALID_', counted('upstream_protocol_error')],
]
