import assert from 'node:assert/strict'
import { createSecureContext } from 'node:tls'
import { promisify } from 'node:util'
import zlib from 'node:zlib'
import * as fc from 'fast-check'
import CircuitBreaker from 'opossum'
import { type Code, codes } from '../../src/errors/codes.js'
import { GatewayError, type GatewayErrorOptions } from '../../src/errors/gateway-error.js'
import { classify } from '../../src/failures/classify.js'
import { errorOf, type Expected, expectClassification, seen } from './expect-classification.js'

type Row = readonly [
  keys: string,
  code: Code,
  expected: Expected,
  properties?: Record<string, unknown>,
]

function check(rows: readonly Row[]): void {
  for (const [keys, code, expected, properties = {}] of rows) {
    const shown = Object.values(properties).filter((value) => typeof value === 'string')
    for (const key of keys.trim().split(/\s+/)) {
      it(`${[key, ...shown].join(', ')} is ${code}: ${expected}`, () => {
        expectClassification(errorOf({ code: key, ...properties }), code, expected)
      })
    }
  }
}

const connect = { syscall: 'connect' }
const says = (message: string): Record<string, unknown> => ({ message })

const openSsl = (number: string): Record<string, unknown> => ({
  syscall: 'write',
  message: `write EPROTO 0011:error:${number}:SSL routines:f:text:../deps/openssl.c:1586:\n`,
})

const http11 = (reason: string): Record<string, unknown> => ({
  name: 'HTTPParserError',
  code: undefined,
  message: `Response does not match the HTTP/1.1 protocol (${reason})`,
})

const withStatus = (code: string, statusCode: number): Error => errorOf({ code, statusCode })

const together = (...errors: Error[]): Error =>
  Object.assign(new AggregateError(errors), { code: Reflect.get(errors[0] ?? {}, 'code') })

const counts = (code: Code, options?: GatewayErrorOptions): boolean | undefined =>
  classify(new GatewayError(code, options))?.counts

const trap = (): never => {
  throw new Error('Trapped')
}

/** The declaration in src knows only the options that are used there. */
const opossum = (action: () => Promise<unknown>, options: object): CircuitBreaker<undefined> =>
  Reflect.construct(CircuitBreaker, [action, options])

describe('classify', () => {
  describe('knows what fails while connecting', () => {
    check([
      ['ECONNREFUSED', 'upstream_refused', '502 connection_refused safe yes', connect],
      ['ECONNREFUSED', 'upstream_refused', '502 connection_refused safe yes'],
      ['ECONNRESET', 'upstream_connection_lost', '502 connection_terminated safe yes', connect],
      ['ECONNABORTED', 'upstream_connection_lost', '502 connection_terminated safe yes', connect],
      ['ETIMEDOUT', 'upstream_connect_timeout', '504 connection_timeout safe yes', connect],
      [
        'ERR_SOCKET_CONNECTION_TIMEOUT UND_ERR_CONNECT_TIMEOUT',
        'upstream_connect_timeout',
        '504 connection_timeout safe yes',
      ],
      [
        'EHOSTUNREACH ENETUNREACH ENONET EHOSTDOWN ENETDOWN',
        'upstream_unreachable',
        '502 destination_ip_unroutable safe yes',
        connect,
      ],
      ['EADDRNOTAVAIL', 'gateway_overloaded', '503 proxy_internal_error safe no', connect],
      [
        'EADDRNOTAVAIL EADDRINUSE',
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
        { syscall: 'bind' },
      ],
      ['EMFILE ENFILE', 'gateway_overloaded', '503 proxy_internal_error safe no', connect],
      ['ENOBUFS ENOMEM', 'gateway_overloaded', '503 proxy_internal_error safe no', connect],
      ['EACCES EPERM', 'upstream_unreachable', '502 destination_ip_prohibited idem no', connect],
      [
        `
          EAFNOSUPPORT EPROTONOSUPPORT EPROTOTYPE ESOCKTNOSUPPORT EINVAL ENOTSOCK ELOOP ENAMETOOLONG
          ENOTDIR
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
        connect,
      ],
      ['ENOENT', 'upstream_refused', '502 connection_refused safe yes', connect],
      [
        'EALREADY EISCONN EBADF EINPROGRESS',
        'gateway_error',
        '500 proxy_internal_error safe no',
        connect,
      ],
      [
        `
          UND_ERR_SOCKS5 UND_ERR_SOCKS5_AUTH_FAILED UND_ERR_SOCKS5_AUTH_REJECTED
          UND_ERR_SOCKS5_AUTH_METHOD UND_ERR_SOCKS5_AUTH_VERSION UND_ERR_SOCKS5_VERSION
          UND_ERR_SOCKS5_REPLY_VERSION UND_ERR_SOCKS5_ADDR_TYPE
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        `
          UND_ERR_SOCKS5_REPLY_1 UND_ERR_SOCKS5_REPLY_7 UND_ERR_SOCKS5_REPLY_8
          UND_ERR_SOCKS5_REPLY_99
        `,
        'upstream_connection_lost',
        '502 connection_terminated safe yes',
      ],
      ['UND_ERR_SOCKS5_REPLY_2', 'upstream_unreachable', '502 destination_ip_prohibited safe yes'],
      [
        'UND_ERR_SOCKS5_REPLY_3 UND_ERR_SOCKS5_REPLY_4',
        'upstream_unreachable',
        '502 destination_ip_unroutable safe yes',
      ],
      ['UND_ERR_SOCKS5_REPLY_5', 'upstream_refused', '502 connection_refused safe yes'],
      ['UND_ERR_SOCKS5_REPLY_6', 'upstream_connect_timeout', '504 connection_timeout safe yes'],
      ['UND_ERR_PRX_TLS', 'upstream_tls_failed', '502 tls_protocol_error safe yes'],
      ['UND_ERR_PRX_CONN', 'upstream_refused', '502 connection_refused safe yes'],
      [
        'UND_ERR_PRX_CONN',
        'upstream_connect_timeout',
        '504 connection_timeout safe yes',
        { cause: errorOf({ code: 'ETIMEDOUT', ...connect }) },
      ],
      [
        'UND_ERR_ABORTED',
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
        says('Proxy response (403) !== 200 when HTTP Tunneling'),
      ],
      [
        'UND_ERR_ABORTED',
        'gateway_misconfigured',
        '502 proxy_configuration_error idem yes',
        says('Proxy response (407) !== 200 when HTTP Tunneling'),
      ],
    ])

    for (const code of ['ENOENT', 'EACCES', 'EPERM', 'EINVAL', 'ENOTDIR']) {
      it(`leaves ${code} of a file to the caller`, () => {
        assert.equal(classify(errorOf({ code, syscall: 'open' })), undefined)
      })
    }
  })

  describe('knows what fails while a name is resolved', () => {
    const getaddrinfo = { syscall: 'getaddrinfo', hostname: 'x.test' }
    const query = { syscall: 'queryA', hostname: 'x.test' }
    check([
      ['ENOTFOUND', 'upstream_dns_failed', '502 dns_error safe yes', getaddrinfo],
      ['ENOTFOUND', 'upstream_dns_failed', '502 dns_error safe yes rcode=NXDOMAIN', query],
      ['EAI_AGAIN EAI_FAIL', 'upstream_dns_failed', '502 dns_error safe yes', getaddrinfo],
      ['EAI_NODATA ENODATA', 'upstream_dns_failed', '502 dns_error safe yes rcode=NOERROR'],
      ['ESERVFAIL', 'upstream_dns_failed', '502 dns_error safe yes rcode=SERVFAIL', query],
      ['EREFUSED', 'upstream_dns_failed', '502 dns_error safe yes rcode=REFUSED', query],
      ['EFORMERR', 'upstream_dns_failed', '502 dns_error safe yes rcode=FORMERR', query],
      ['ENOTIMP', 'upstream_dns_failed', '502 dns_error safe yes rcode=NOTIMP', query],
      ['EBADRESP ECONNREFUSED', 'upstream_dns_failed', '502 dns_error safe yes', query],
      ['ETIMEOUT', 'upstream_dns_timeout', '504 dns_timeout safe yes', query],
      ['ETIMEOUT', 'upstream_dns_timeout', '504 dns_timeout safe yes'],
      [
        'EAI_MEMORY ENOMEM EFILE EAI_OVERFLOW',
        'gateway_overloaded',
        '503 proxy_internal_error safe no',
        getaddrinfo,
      ],
      [
        `
          EAI_ADDRFAMILY EAI_FAMILY EAI_SERVICE EAI_SOCKTYPE EAI_PROTOCOL EAI_BADFLAGS EAI_BADHINTS
          EBADNAME EBADQUERY EBADFAMILY EBADFLAGS EBADHINTS EBADSTR ENONAME ECHARSET
          ERR_INVALID_IP_ADDRESS
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        'UND_ERR_INFO',
        'upstream_dns_failed',
        '502 dns_error safe yes',
        says('No DNS entries found'),
      ],
      [
        `
          EAI_CANCELED ECANCELLED EDESTRUCTION ENOTINITIALIZED ELOADIPHLPAPI EADDRGETNETWORKPARAMS
          EOF
        `,
        'gateway_error',
        '500 proxy_internal_error safe no',
      ],
    ])

    it('classifies a lookup without addresses as a name that has none', () => {
      const error = new TypeError("Cannot destructure property 'address' of 'addresses[0]'")
      expectClassification(error, 'upstream_dns_failed', '502 dns_error safe yes')
    })
  })

  describe('knows what fails in TLS', () => {
    check([
      [
        `
          CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED CERT_REJECTED CERT_UNTRUSTED
          CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG DEPTH_ZERO_SELF_SIGNED_CERT
          SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT
          UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_GET_CRL UNABLE_TO_DECRYPT_CERT_SIGNATURE
          UNABLE_TO_DECRYPT_CRL_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY CRL_SIGNATURE_FAILURE
          CRL_NOT_YET_VALID CRL_HAS_EXPIRED ERROR_IN_CERT_NOT_BEFORE_FIELD
          ERROR_IN_CERT_NOT_AFTER_FIELD ERROR_IN_CRL_LAST_UPDATE_FIELD
          ERROR_IN_CRL_NEXT_UPDATE_FIELD INVALID_CA INVALID_PURPOSE PATH_LENGTH_EXCEEDED
          HOSTNAME_MISMATCH OUT_OF_MEM UNSPECIFIED ERR_TLS_CERT_ALTNAME_INVALID
          ERR_TLS_CERT_ALTNAME_FORMAT
        `,
        'upstream_tls_certificate',
        '502 tls_certificate_error idem yes',
      ],
      ['ERR_TLS_HANDSHAKE_TIMEOUT', 'upstream_connect_timeout', '504 connection_timeout safe yes'],
      [
        'ECONNRESET',
        'upstream_tls_failed',
        '502 tls_protocol_error safe yes',
        says('Client network socket disconnected before secure TLS connection was established'),
      ],
      ['EPROTO', 'upstream_tls_failed', '502 tls_protocol_error safe yes', openSsl('0A00010B')],
      ['EPROTO', 'upstream_tls_failed', '502 tls_protocol_error safe yes'],
      ['ERR_SSL_WRONG_VERSION_NUMBER', 'upstream_tls_failed', '502 tls_protocol_error safe yes'],
      [
        'EPROTO',
        'upstream_tls_failed',
        '502 tls_alert_received idem yes alert-id=40',
        openSsl('0A000410'),
      ],
      [
        'EPROTO',
        'upstream_tls_failed',
        '502 tls_alert_received safe yes alert-id=80',
        openSsl('0A000438'),
      ],
      // A reason from 1000 of another library (6, EVP) is no alert.
      ['EPROTO', 'upstream_tls_failed', '502 tls_protocol_error idem yes', openSsl('03000410')],
      ['EPROTO', 'upstream_tls_failed', '502 tls_protocol_error idem yes', openSsl('0A0000C6')],
      [
        `
          ERR_SSL_UNEXPECTED_EOF_WHILE_READING ERR_SSL_PACKET_LENGTH_TOO_LONG
          ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC ERR_SSL_UNSUPPORTED_PROTOCOL
          ERR_SSL_TLSV1_OTHER
        `,
        'upstream_tls_failed',
        '502 tls_protocol_error idem yes',
      ],
      [
        `
          ERR_SSL_NO_PROTOCOLS_AVAILABLE ERR_SSL_NO_CIPHER_MATCH ERR_TLS_INVALID_PROTOCOL_VERSION
          ERR_TLS_PROTOCOL_VERSION_CONFLICT ERR_TLS_INVALID_PROTOCOL_METHOD ERR_TLS_INVALID_CONTEXT
          ERR_TLS_REQUIRED_SERVER_NAME ERR_TLS_SNI_FROM_SERVER ERR_TLS_DH_PARAM_SIZE
          ERR_TLS_ALPN_CALLBACK_INVALID_RESULT ERR_TLS_ALPN_CALLBACK_WITH_PROTOCOLS
          ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED ERR_OSSL_PEM_NO_START_LINE
          ERR_OSSL_X509_KEY_VALUES_MISMATCH ERR_OSSL_UNSUPPORTED
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        `
          ERR_TLS_INVALID_STATE ERR_TLS_SESSION_ATTACK ERR_TLS_RENEGOTIATION_DISABLED
          ERR_MULTIPLE_CALLBACK
        `,
        'upstream_tls_failed',
        '502 tls_protocol_error idem yes',
      ],
    ])

    const alerts: Record<string, number> = {
      SSLV3_ALERT_HANDSHAKE_FAILURE: 40,
      SSLV3_ALERT_BAD_CERTIFICATE: 42,
      SSLV3_ALERT_UNSUPPORTED_CERTIFICATE: 43,
      SSLV3_ALERT_CERTIFICATE_REVOKED: 44,
      SSLV3_ALERT_CERTIFICATE_EXPIRED: 45,
      SSLV3_ALERT_CERTIFICATE_UNKNOWN: 46,
      SSLV3_ALERT_ILLEGAL_PARAMETER: 47,
      TLSV1_ALERT_UNKNOWN_CA: 48,
      TLSV1_ALERT_ACCESS_DENIED: 49,
      TLSV1_ALERT_DECODE_ERROR: 50,
      TLSV1_ALERT_DECRYPT_ERROR: 51,
      TLSV1_ALERT_PROTOCOL_VERSION: 70,
      TLSV1_ALERT_INSUFFICIENT_SECURITY: 71,
      TLSV1_ALERT_INTERNAL_ERROR: 80,
      TLSV1_ALERT_INAPPROPRIATE_FALLBACK: 86,
      TLSV1_ALERT_USER_CANCELLED: 90,
      TLSV13_ALERT_MISSING_EXTENSION: 109,
      TLSV1_UNSUPPORTED_EXTENSION: 110,
      TLSV1_UNRECOGNIZED_NAME: 112,
      TLSV13_ALERT_CERTIFICATE_REQUIRED: 116,
      TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 120,
      // As OpenSSL 3.2 and later spell the first.
      'SSL/TLS_ALERT_HANDSHAKE_FAILURE': 40,
    }
    check(
      Object.entries(alerts).map(([name, id]) => [
        `ERR_SSL_${name}`,
        'upstream_tls_failed',
        `502 tls_alert_received ${id === 80 ? 'safe' : 'idem'} yes alert-id=${id}`,
      ]),
    )

    for (const pfx of ['', '0', '0\u0003\u0002\u0001\u0003']) {
      it(`classifies ${JSON.stringify(pfx)} as a PKCS #12 file as a mistake in the configuration`, () => {
        assert.throws(
          () => createSecureContext({ pfx: Buffer.from(pfx) }),
          (error) => {
            expectClassification(
              error,
              'gateway_misconfigured',
              '500 proxy_configuration_error idem no',
            )
            return true
          },
        )
      })
    }
  })

  describe('knows what fails before the head', () => {
    const lost = '502 connection_terminated idem yes'
    check([
      ['ECONNRESET', 'upstream_connection_lost', lost, says('socket hang up')],
      ['ECONNRESET', 'upstream_connection_lost', lost, { syscall: 'read' }],
      ['ECONNRESET EPIPE', 'upstream_connection_lost', lost, { syscall: 'write' }],
      ['UND_ERR_SOCKET', 'upstream_connection_lost', lost, says('other side closed')],
      ['UND_ERR_SOCKET', 'upstream_connection_lost', lost, says('closed')],
      ['UND_ERR_SOCKET', 'upstream_connection_lost', lost, says('bad response')],
      [
        'UND_ERR_SOCKET',
        'upstream_upgrade_failed',
        '502 http_upgrade_failed idem yes',
        says('bad upgrade'),
      ],
      [
        'ETIMEDOUT',
        'upstream_idle_timeout',
        '504 connection_read_timeout idem yes',
        { syscall: 'read' },
      ],
      [
        'ETIMEDOUT',
        'upstream_timeout',
        '504 connection_write_timeout idem yes',
        { syscall: 'write' },
      ],
      ['UND_ERR_HEADERS_TIMEOUT', 'upstream_timeout', '504 http_response_timeout idem yes'],
      [
        'ABORT_ERR UND_ERR_ABORTED UND_ERR_ABORT',
        'upstream_timeout',
        '504 http_response_timeout idem yes',
      ],
      [
        'ABORT_ERR',
        'upstream_timeout',
        '504 http_response_timeout idem yes',
        { name: 'AbortError', cause: new DOMException('Too late', 'TimeoutError') },
      ],
      [
        'ABORT_ERR',
        'gateway_shutting_down',
        '503 proxy_internal_error idem no',
        { cause: new GatewayError('gateway_shutting_down') },
      ],
      // The usual spellings of a timeout in axios and request.
      [
        'ECONNABORTED',
        'upstream_timeout',
        '504 http_response_timeout idem yes',
        says('timeout of 50ms exceeded'),
      ],
      ['ERR_CANCELED ESOCKETTIMEDOUT', 'upstream_timeout', '504 http_response_timeout idem yes'],
      [
        'ERR_HTTP2_STREAM_ERROR',
        'upstream_overloaded',
        '503 connection_limit_reached safe yes',
        says('Stream closed with error code NGHTTP2_REFUSED_STREAM'),
      ],
      [
        'ERR_HTTP2_STREAM_ERROR',
        'upstream_rate_limited',
        '503 connection_limit_reached idem yes',
        says('Stream closed with error code NGHTTP2_ENHANCE_YOUR_CALM'),
      ],
      [
        'ERR_HTTP2_SESSION_ERROR',
        'upstream_rate_limited',
        '503 connection_limit_reached idem yes',
        says('Session closed with error code 11'),
      ],
      [
        'UND_ERR_SOCKET',
        'upstream_rate_limited',
        '503 connection_limit_reached idem yes',
        says('HTTP/2: "GOAWAY" frame received with code 11'),
      ],
      [
        'UND_ERR_SOCKET',
        'upstream_connection_lost',
        lost,
        says('HTTP/2: "GOAWAY" frame received with code 0'),
      ],
      [
        'ERR_HTTP2_STREAM_ERROR',
        'upstream_connection_lost',
        lost,
        says('Stream closed with error code NGHTTP2_CANCEL'),
      ],
      [
        'ERR_HTTP2_STREAM_ERROR',
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
        says('Stream closed with error code NGHTTP2_INTERNAL_ERROR'),
      ],
      [
        'ERR_HTTP2_GOAWAY_SESSION ERR_HTTP2_STREAM_CANCEL',
        'upstream_connection_lost',
        '502 connection_terminated safe yes',
      ],
      [
        'ERR_HTTP2_STREAM_CANCEL',
        'upstream_refused',
        '502 connection_refused safe yes',
        { cause: errorOf({ code: 'ECONNREFUSED', ...connect }) },
      ],
      [
        'ERR_HTTP2_ERROR',
        'upstream_protocol_error',
        '502 http_protocol_error safe yes',
        says('Protocol error'),
      ],
      [
        `
          ERR_HTTP2_INVALID_SESSION ERR_HTTP2_OUT_OF_STREAMS ERR_HTTP2_PING_CANCEL
          ERR_HTTP2_SETTINGS_CANCEL ERR_HTTP2_MAX_PENDING_SETTINGS_ACK ERR_HTTP2_NO_MEM
          ERR_HTTP2_TOO_MANY_INVALID_FRAMES
        `,
        'upstream_connection_lost',
        lost,
      ],
      [
        'UND_ERR_INFO',
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
        says('HTTP/2: "frameError" received - type 1, code 7'),
      ],
      [
        'UND_ERR_INFO',
        'upstream_overloaded',
        '503 connection_limit_reached safe yes',
        says('HTTP/2: "stream error" received - code 7'),
      ],
    ])

    for (const name of ['TimeoutError', 'AbortError']) {
      it(`classifies a DOMException ${name} as a timeout`, () => {
        const error = new DOMException('Over', name)
        expectClassification(error, 'upstream_timeout', '504 http_response_timeout idem yes')
      })
    }
  })

  describe('knows what cannot be parsed', () => {
    const chunked = '502 http_response_transfer_coding idem yes coding=chunked'
    check([
      [
        `
          HPE_INVALID_CONSTANT HPE_INVALID_VERSION HPE_INVALID_STATUS HPE_INVALID_METHOD
          HPE_INVALID_URL HPE_INVALID_HEADER_TOKEN HPE_UNEXPECTED_SPACE HPE_CR_EXPECTED
          HPE_LF_EXPECTED HPE_STRICT HPE_INVALID_CONTENT_LENGTH HPE_UNEXPECTED_CONTENT_LENGTH
          UND_ERR_RES_CONTENT_LENGTH_MISMATCH UND_ERR UND_ERR_HTTP_PARSER
        `,
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
      ],
      [
        'HPE_INVALID_TRANSFER_ENCODING HPE_INVALID_CHUNK_SIZE HPE_CHUNK_EXTENSIONS_OVERFLOW',
        'upstream_protocol_error',
        chunked,
      ],
      [
        'HPE_HEADER_OVERFLOW UND_ERR_HEADERS_OVERFLOW',
        'upstream_headers_too_large',
        '502 http_response_header_section_size idem yes',
      ],
      [
        'HPE_INVALID_EOF_STATE',
        'upstream_response_incomplete',
        '502 http_response_incomplete idem yes',
      ],
      ['HPE_CLOSED_CONNECTION', 'upstream_protocol_error', '502 http_protocol_error idem no'],
      [
        `
          HPE_INTERNAL HPE_USER HPE_PAUSED HPE_PAUSED_UPGRADE HPE_PAUSED_H2_UPGRADE HPE_OK
          HPE_CB_MESSAGE_BEGIN HPE_CB_HEADERS_COMPLETE HPE_CB_CHUNK_EXTENSION_VALUE_COMPLETE
          HPE_CB_RESET
        `,
        'gateway_error',
        '500 proxy_internal_error idem no',
      ],
      ['undici', 'upstream_protocol_error', chunked, http11('Invalid character in chunk size')],
      [
        'undici',
        'upstream_protocol_error',
        chunked,
        http11('Invalid `Transfer-Encoding` header value'),
      ],
      [
        'undici',
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
        http11("Content-Length can't be present with Transfer-Encoding"),
      ],
      [
        'undici',
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
        http11('Expected HTTP/'),
      ],
      [
        'undici',
        'upstream_response_incomplete',
        '502 http_response_incomplete idem yes',
        http11('Invalid EOF state'),
      ],
      [
        'undici',
        'upstream_protocol_error',
        '502 http_protocol_error idem no',
        http11('Data after `Connection: close`'),
      ],
      [
        'undici',
        'gateway_error',
        '500 proxy_internal_error idem no',
        http11('`on_chunk_header` callback error'),
      ],
    ])
  })

  describe('knows what fails after the head', () => {
    const incomplete = '502 http_response_incomplete idem yes'
    const notJson = '502 http_protocol_error idem yes details=response_json'
    check([
      ['ECONNRESET', 'upstream_response_incomplete', incomplete, says('aborted')],
      ['ERR_STREAM_PREMATURE_CLOSE', 'upstream_response_incomplete', incomplete],
      ['UND_ERR_BODY_TIMEOUT', 'upstream_idle_timeout', '504 connection_read_timeout idem yes'],
      [
        'UND_ERR_RES_EXCEEDED_MAX_SIZE UND_ERR_WS_MESSAGE_SIZE_EXCEEDED',
        'upstream_response_too_large',
        '502 http_response_body_size idem no',
      ],
      [
        'Z_DATA_ERROR Z_BUF_ERROR Z_STREAM_ERROR Z_NEED_DICT',
        'upstream_encoding_invalid',
        '502 http_response_content_coding idem yes coding=gzip',
      ],
      [
        'ERR__ERROR_FORMAT_PADDING_1',
        'upstream_encoding_invalid',
        '502 http_response_content_coding idem yes coding=br',
      ],
      [
        'ZSTD_error_prefix_unknown',
        'upstream_encoding_invalid',
        '502 http_response_content_coding idem yes coding=zstd',
      ],
      [
        'ERR_BUFFER_TOO_LARGE',
        'upstream_encoding_invalid',
        '502 http_response_content_coding idem yes',
      ],
      ['Z_MEM_ERROR ERR_OUT_OF_MEMORY', 'gateway_overloaded', '503 proxy_internal_error idem no'],
      ['ERR_ENCODING_INVALID_ENCODED_DATA', 'upstream_response_invalid', notJson],
      [
        'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH ERR_HTTP_CONTENT_LENGTH_MISMATCH',
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        `
          ERR_STREAM_DESTROYED ERR_STREAM_WRITE_AFTER_END ERR_STREAM_ALREADY_FINISHED
          ERR_HTTP_HEADERS_SENT
        `,
        'gateway_error',
        '500 proxy_internal_error idem no',
      ],
    ])

    for (const broken of ['', '{', '<html>', '{"a":1]', '1 2', '"\u0001"']) {
      it(`classifies ${JSON.stringify(broken)} as JSON that is not valid`, () => {
        assert.throws(
          () => JSON.parse(broken),
          (error) => {
            expectClassification(error, 'upstream_response_invalid', notJson)
            return true
          },
        )
      })
    }

    it('leaves a SyntaxError that is not about JSON to the caller', () => {
      assert.equal(classify(new SyntaxError('Unexpected token')), undefined)
    })

    it('leaves JSON that a body parser found wrong in the request to the caller', () => {
      const error = new SyntaxError('Unexpected end of JSON input')
      assert.equal(classify(Object.assign(error, { status: 400 })), undefined)
    })

    it('classifies a fetch that ends after its head as an incomplete response', () => {
      const cause = errorOf({ code: 'UND_ERR_SOCKET', message: 'other side closed' })
      for (const error of [new TypeError('terminated', { cause }), new TypeError('terminated')]) {
        expectClassification(error, 'upstream_response_incomplete', incomplete)
      }
    })

    it('does not confuse a fetch that stopped with one that was cut', () => {
      const cause = errorOf({ code: 'UND_ERR_BODY_TIMEOUT' })
      expectClassification(new TypeError('terminated', { cause }), 'upstream_idle_timeout')
    })

    it('knows what zlib says of bytes that are not compressed', async () => {
      const bytes = Buffer.from('plain text, longer than a header')
      for (const decode of [zlib.gunzip, zlib.inflate, zlib.brotliDecompress]) {
        const error = await promisify(decode)(bytes).catch((reason: unknown) => reason)
        expectClassification(error, 'upstream_encoding_invalid')
      }
    })
  })

  describe('knows mistakes of the gateway', () => {
    check([
      [
        `
          ERR_INVALID_URL UND_ERR_INVALID_ARG ERR_INVALID_PROTOCOL ERR_SOCKET_BAD_PORT
          UND_ERR_NOT_SUPPORTED
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        `
          ERR_UNESCAPED_CHARACTERS ERR_INVALID_CHAR ERR_INVALID_HTTP_TOKEN
          ERR_HTTP_INVALID_HEADER_VALUE ERR_HTTP2_INVALID_HEADER_VALUE
        `,
        'gateway_misconfigured',
        '500 proxy_configuration_error idem no',
      ],
      [
        `
          ERR_HTTP_INVALID_STATUS_CODE ERR_HTTP2_INVALID_PSEUDOHEADER
        `,
        'upstream_protocol_error',
        '502 http_protocol_error idem yes',
      ],
      [
        'UND_ERR_INVALID_RETURN_VALUE ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_VALUE',
        'gateway_error',
        '500 proxy_internal_error idem no',
      ],
      [
        'UND_ERR_DESTROYED UND_ERR_CLOSED',
        'gateway_shutting_down',
        '503 proxy_internal_error safe no',
      ],
      [
        'UND_ERR_BPL_MISSING_UPSTREAM',
        'gateway_misconfigured',
        '500 destination_not_found idem no',
      ],
      ['UND_ERR_MAX_ORIGINS_REACHED', 'concurrency_limit', '503 connection_limit_reached safe no'],
      ['ERR_HTTP_REQUEST_TIMEOUT', 'request_timeout', '408 http_request_error no no'],
    ])

    for (const error of [new TypeError('x is not a function'), new RangeError('Too much')]) {
      it(`classifies a plain ${error.name} as a defect of the gateway`, () => {
        expectClassification(error, 'gateway_error', '500 proxy_internal_error idem no')
      })
    }

    for (const url of ['foo:bar', 'http://127.0.0.1:1/', 'http://']) {
      it(`classifies a fetch of ${url} as a mistake in the configuration`, async () => {
        const error = await fetch(url).catch((reason: unknown) => reason)
        expectClassification(
          error,
          'gateway_misconfigured',
          '500 proxy_configuration_error idem no',
        )
      })
    }

    it('leaves a fetch that failed for an unknown reason to the caller', () => {
      assert.equal(classify(new TypeError('fetch failed')), undefined)
      assert.equal(classify(new TypeError('Failed to fetch'))?.code, 'upstream_error')
      assert.equal(classify(new TypeError('fetch failed', { cause: new Error('Hm') })), undefined)
    })
  })

  describe('knows circuit breakers', () => {
    check([
      ['EOPENBREAKER', 'circuit_open', '503 destination_unavailable safe no'],
      ['ESEMLOCKED', 'concurrency_limit', '503 connection_limit_reached safe no'],
      [
        'ESHUTDOWN',
        'upstream_connection_lost',
        '502 connection_terminated idem yes',
        { syscall: 'write' },
      ],
      ['ETIMEDOUT', 'upstream_timeout', '504 http_response_timeout idem yes'],
    ])

    it("does not confuse opossum's timeout with the wait for its semaphore", async () => {
      const breaker = opossum(() => new Promise(() => {}), { timeout: 1 })
      const error = await breaker.fire(undefined).catch((reason: unknown) => reason)
      breaker.shutdown()
      expectClassification(error, 'upstream_timeout', '504 http_response_timeout idem yes')
      const wait = errorOf({ code: 'ETIMEDOUT', message: 'Timed out after 1ms' })
      expectClassification(wait, 'concurrency_limit', '503 connection_limit_reached safe no')
    })

    it('knows the errors of an opossum that is open, full or shut down', async () => {
      const breaker = opossum(() => Promise.resolve(), { capacity: 0 })
      const fire = (): Promise<unknown> =>
        breaker.fire(undefined).catch((reason: unknown) => reason)
      expectClassification(await fire(), 'concurrency_limit')
      breaker.open()
      expectClassification(await fire(), 'circuit_open')
      breaker.shutdown()
      expectClassification(
        await fire(),
        'gateway_shutting_down',
        '503 destination_unavailable idem no',
      )
    })

    const cockatiel: Record<string, Code> = {
      BrokenCircuitError: 'circuit_open',
      IsolatedCircuitError: 'circuit_open',
      BulkheadRejectedError: 'concurrency_limit',
      TaskCancelledError: 'upstream_timeout',
    }
    for (const [name, code] of Object.entries(cockatiel)) {
      it(`knows a ${name} by the name of its class`, () => {
        const classes = { [name]: class extends Error {} }
        const Class = classes[name] ?? Error
        expectClassification(new Class('No'), code)
      })
    }
  })

  describe('knows errors that carry a status', () => {
    const meanings: readonly [statuses: number[], code: Code, retry: string, counts: string][] = [
      [[429], 'upstream_rate_limited', 'safe', 'no'],
      [[503, 529], 'upstream_overloaded', 'idem', 'yes'],
      [[502, 504, 520, 523, 527, 530], 'upstream_error', 'idem', 'yes'],
      [[500, 599], 'upstream_error', 'idem', 'yes'],
      [[501, 505, 511], 'upstream_error', 'idem', 'no'],
      [[400, 404, 418], 'upstream_error', 'no', 'no'],
    ]
    for (const [statuses, code, retry, brk] of meanings) {
      for (const status of statuses) {
        it(`${status} of an upstream is ${code}`, () => {
          const failure = expectClassification(withStatus('UND_ERR_RESPONSE', status), code)
          assert.equal(seen(failure), `${status} - ${retry} ${brk} received-status=${status}`)
        })
      }
    }

    it('does not retry what was retried already', () => {
      const failure = expectClassification(
        withStatus('UND_ERR_REQ_RETRY', 503),
        'upstream_overloaded',
      )
      assert.equal(seen(failure), '503 - idem yes received-status=503')
    })

    it('classifies an error about a good status as a failure of the upstream', () => {
      for (const status of [206, Number.NaN, 1e9]) {
        expectClassification(
          withStatus('UND_ERR_RESPONSE', status),
          'upstream_error',
          '502 - idem yes',
        )
      }
    })

    const readers: readonly [type: string, code: Code, status: number][] = [
      ['entity.too.large', 'content_too_large', 413],
      ['parameters.too.many', 'content_too_large', 413],
      ['encoding.unsupported', 'unsupported_content_encoding', 415],
      ['charset.unsupported', 'unsupported_media_type', 415],
      ['entity.parse.failed', 'request_malformed', 400],
      ['request.size.invalid', 'gateway_misconfigured', 500],
      ['stream.not.readable', 'gateway_misconfigured', 500],
      ['entity.verify.failed', 'request_rejected', 403],
      ['request.aborted', 'client_closed_request', 499],
    ]
    for (const [type, code, status] of readers) {
      it(`knows the error ${type} of a body reader`, () => {
        const failure = expectClassification(
          errorOf({ type, code: 'ECONNABORTED', status: 400 }),
          code,
        )
        assert.equal(failure.status ?? codes[code].status, status)
        assert.equal(failure.counts, false)
      })
    }
  })

  describe('looks inside', () => {
    const refused = errorOf({ code: 'ECONNREFUSED', ...connect })
    const timedOut = errorOf({ code: 'ETIMEDOUT', ...connect })
    const unroutable = errorOf({ code: 'EHOSTUNREACH', ...connect })

    it('an AggregateError, for the most specific code of its addresses', () => {
      expectClassification(together(timedOut, timedOut), 'upstream_connect_timeout')
      expectClassification(together(timedOut, unroutable), 'upstream_unreachable')
      expectClassification(together(timedOut, unroutable, refused), 'upstream_refused')
    })

    it('an AggregateError whose errors are unknown, and then at its own code', () => {
      const error = Object.assign(new AggregateError([]), { code: 'EHOSTUNREACH' })
      expectClassification(error, 'upstream_unreachable')
    })

    it('a wrapper without a known code', () => {
      const wrapped = errorOf({ code: 'ERR_NETWORK', cause: together(refused) })
      expectClassification(wrapped, 'upstream_refused')
    })

    it('a wrapper that copied the code but not the syscall', () => {
      expectClassification(
        errorOf({ code: 'ETIMEDOUT', cause: timedOut }),
        'upstream_connect_timeout',
      )
    })

    it('five layers, and no more', () => {
      const wrap = (error: Error, layers: number): Error =>
        layers === 0 ? error : wrap(new Error('Layer', { cause: error }), layers - 1)
      expectClassification(wrap(refused, 5), 'upstream_refused')
      assert.equal(classify(wrap(refused, 6)), undefined)
    })

    it('a circle once', () => {
      const one = new Error('One')
      const two = new AggregateError([one, one], 'Two', { cause: one })
      one.cause = two
      assert.equal(classify(one), undefined)
    })

    it('a bounded part of a chain that grows while it is followed', () => {
      let made = 0
      const grow = (): object => {
        made += 1
        return {
          get cause() {
            return grow()
          },
          get errors() {
            return Array.from({ length: 50 }, grow)
          },
        }
      }
      assert.equal(classify(grow()), undefined)
      assert.ok(made < 5000, `${made} errors were made`)
    })
  })

  describe('classifies a GatewayError by its own code', () => {
    it('counts those of an upstream that failed', () => {
      for (const code of ['upstream_refused', 'upstream_timeout', 'upstream_error'] as const) {
        assert.equal(counts(code), true, code)
      }
    })

    it('does not count those of the gateway, of the client and of a healthy upstream', () => {
      for (const code of [
        'circuit_open',
        'concurrency_limit',
        'gateway_error',
        'request_invalid',
        'client_closed_request',
        'upstream_rate_limited',
        'upstream_response_invalid',
        'upstream_response_too_large',
      ] as const) {
        assert.equal(counts(code), false, code)
      }
    })

    it('counts it like its cause', () => {
      const cause = errorOf({ code: 'EACCES', ...connect })
      assert.equal(counts('upstream_unreachable', { cause }), false)
      assert.equal(counts('upstream_unreachable'), true)
      const badUpgrade = errorOf({ code: 'UND_ERR_SOCKET', message: 'bad upgrade' })
      assert.equal(counts('upstream_upgrade_failed', { cause: badUpgrade }), true)
      assert.equal(counts('upstream_upgrade_failed'), false)
    })

    it('keeps what differs from the row of the code', () => {
      const proxyStatus = { error: 'dns_error', rcode: 'SERVFAIL' }
      const error = new GatewayError('upstream_dns_failed', {
        proxyStatus,
        retry: 'never',
        status: 504,
      })
      assert.deepEqual(classify(error), {
        code: 'upstream_dns_failed',
        counts: true,
        proxyStatus,
        retry: 'never',
        status: 504,
      })
    })

    it('does not know the codes of a later version', () => {
      const error = Object.assign(new GatewayError('upstream_error'), { code: 'upstream_bored' })
      assert.equal(classify(error), undefined)
    })
  })

  describe('survives any value', () => {
    const handler = Object.fromEntries(
      Object.getOwnPropertyNames(Reflect).map((name) => [name, trap]),
    )

    it('that is no error', () => {
      for (const value of [undefined, null, 0, 20, 1n, '', 'ECONNREFUSED', Symbol('x'), trap, []]) {
        assert.equal(classify(value), undefined)
      }
    })

    it('whose code is not a string', () => {
      for (const code of [14, 20n, Symbol('x'), {}, ['ECONNREFUSED'], null, true]) {
        assert.equal(classify({ code }), undefined)
      }
    })

    it('that a Proxy hides', () => {
      const { proxy, revoke } = Proxy.revocable({}, {})
      revoke()
      for (const value of [proxy, new Proxy({}, handler), { errors: proxy }, { cause: proxy }]) {
        assert.equal(classify(value), undefined)
      }
    })

    it('whose getters throw, and still reads the others', () => {
      const error = Object.defineProperties(errorOf({ code: 'ECONNREFUSED' }), {
        syscall: { get: trap },
        message: { get: trap },
        errors: { get: trap },
        type: { get: trap },
        cause: { get: trap },
      })
      expectClassification(error, 'upstream_refused')
    })

    it('of any shape', () => {
      const words = [
        ...'ECONNRESET ETIMEDOUT EPROTO UND_ERR_SOCKET UND_ERR_RESPONSE ERR_SSL_ HPE_'.split(' '),
        ...'HTTPParserError AbortError TypeError queryA connect terminated'.split(' '),
        ...'__proto__ constructor hasOwnProperty toString :error:FFFFFFFF:'.split(' '),
        'Timed out after 5ms',
      ]
      const word = fc.oneof(fc.string(), fc.constantFrom(...words))
      const { shaped } = fc.letrec((tie) => ({
        shaped: fc.oneof(
          { depthSize: 'small' },
          fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
          fc
            .record(
              {
                code: fc.oneof(word, fc.anything()),
                name: fc.oneof(word, fc.anything()),
                message: fc.oneof(word, fc.anything()),
                syscall: fc.oneof(word, fc.anything()),
                type: fc.oneof(word, fc.anything()),
                statusCode: fc.oneof(fc.integer(), fc.double(), fc.anything()),
                constructor: fc.anything(),
                cause: tie('shaped'),
                errors: fc.oneof(fc.array(tie('shaped')), fc.anything()),
              },
              { requiredKeys: [] },
            )
            .chain((shape) =>
              fc.constantFrom<object>(
                shape,
                Object.assign(new Error('x'), shape),
                Object.defineProperty(shape, Symbol.for('good-gateway.error'), { value: true }),
              ),
            ),
        ),
      }))
      fc.assert(
        fc.property(shaped, (value) => {
          const failure = classify(value)
          if (failure === undefined) return
          assert.ok(Object.hasOwn(codes, failure.code))
          assert.equal(typeof failure.counts, 'boolean')
          assert.deepEqual(classify(value), failure)
        }),
        { numRuns: 1000 },
      )
    })

    it('behind a Proxy with any traps', () => {
      const names = ['get', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'getPrototypeOf']
      const message = fc.constantFrom('Timed out after 5ms', 'aborted')
      const code = fc.constantFrom('ETIMEDOUT', 'ECONNRESET', 'EPROTO')
      fc.assert(
        fc.property(fc.subarray(names), code, message, (trapped, key, words) => {
          const traps = Object.fromEntries(trapped.map((name) => [name, trap]))
          const error = new Proxy(errorOf({ code: key, message: words }), traps)
          if (trapped.includes('get')) assert.equal(classify(error), undefined)
          else if (!trapped.includes('ownKeys')) assert.ok(classify(error))
          else classify(error)
        }),
      )
    })

    it('and gives objects that nobody can change', () => {
      const failure = expectClassification(errorOf({ code: 'ESERVFAIL' }), 'upstream_dns_failed')
      assert.ok(Object.isFrozen(failure) && Object.isFrozen(failure.proxyStatus))
      assert.equal(classify(errorOf({ code: 'ESERVFAIL' })), failure)
    })
  })
})
