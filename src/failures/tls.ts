import { type Classification, counted, type Entry, neutral, type Rule, text } from './rule.js'

const certificate = counted('upstream_tls_certificate')
const misconfigured = neutral('gateway_misconfigured')
const broken = counted('upstream_tls_failed')
/** The handshake did not begin: most often the port speaks plain HTTP. */
const notTls = counted('upstream_tls_failed', { retry: 'safe' })

/** Numbers of TLS alerts by OpenSSL's names (RFC 8446, section 6; older ones: RFC 5246, section 7.2). */
const ALERTS: ReadonlyMap<string, number> = new Map([
  ['UNEXPECTED_MESSAGE', 10],
  ['BAD_RECORD_MAC', 20],
  ['DECRYPTION_FAILED', 21],
  ['RECORD_OVERFLOW', 22],
  ['DECOMPRESSION_FAILURE', 30],
  ['HANDSHAKE_FAILURE', 40],
  ['NO_CERTIFICATE', 41],
  ['BAD_CERTIFICATE', 42],
  ['UNSUPPORTED_CERTIFICATE', 43],
  ['CERTIFICATE_REVOKED', 44],
  ['CERTIFICATE_EXPIRED', 45],
  ['CERTIFICATE_UNKNOWN', 46],
  ['ILLEGAL_PARAMETER', 47],
  ['UNKNOWN_CA', 48],
  ['ACCESS_DENIED', 49],
  ['DECODE_ERROR', 50],
  ['DECRYPT_ERROR', 51],
  ['EXPORT_RESTRICTION', 60],
  ['PROTOCOL_VERSION', 70],
  ['INSUFFICIENT_SECURITY', 71],
  ['INTERNAL_ERROR', 80],
  ['INAPPROPRIATE_FALLBACK', 86],
  ['USER_CANCELLED', 90],
  ['NO_RENEGOTIATION', 100],
  ['MISSING_EXTENSION', 109],
  ['UNSUPPORTED_EXTENSION', 110],
  ['CERTIFICATE_UNOBTAINABLE', 111],
  ['UNRECOGNIZED_NAME', 112],
  ['BAD_CERTIFICATE_STATUS_RESPONSE', 113],
  ['BAD_CERTIFICATE_HASH_VALUE', 114],
  ['UNKNOWN_PSK_IDENTITY', 115],
  ['CERTIFICATE_REQUIRED', 116],
  ['NO_APPLICATION_PROTOCOL', 120],
])

const INTERNAL_ERROR = 80
const OPENSSL_ERROR = /:error:([0-9A-F]{8}):/i
const SSL_LIBRARY = 20
const FIRST_ALERT_REASON = 1000
const WRONG_VERSION_NUMBER = 267

/** `http` has the OpenSSL error in the message only, `fetch` in the code too. */
function openSsl(error: object): Classification | undefined {
  const match = OPENSSL_ERROR.exec(text(error, 'message'))
  return match ? byNumber(Number.parseInt(match[1] ?? '', 16)) : byName(text(error, 'code'))
}

/** The number holds the library (from bit 23 on) and the reason; reasons from 1000 on are TLS alerts. */
function byNumber(number: number): Classification {
  const reason = number & 0x7fffff
  if (number >>> 23 !== SSL_LIBRARY) return broken
  if (reason >= FIRST_ALERT_REASON) return alert(reason - FIRST_ALERT_REASON)
  return reason === WRONG_VERSION_NUMBER ? notTls : broken
}

function byName(code: string): Classification {
  if (code === 'EPROTO') return notTls
  const name = code.replace(/^ERR_SSL_(?:SSLV3|TLSV1|TLSV13|SSL\/TLS)_(?:ALERT_)?/, '')
  const id = name === code ? undefined : ALERTS.get(name)
  return id === undefined ? broken : alert(id)
}

/** The upstream refused what the gateway offered, unless the alert says that the fault is its own. */
function alert(id: number): Classification {
  return counted('upstream_tls_failed', {
    proxyStatus: { error: 'tls_alert_received', 'alert-id': id },
    ...(id === INTERNAL_ERROR && { retry: 'safe' }),
  })
}

/** TLS with the upstream. */
export const tls: readonly Entry[] = [
  [
    `
      CERT_HAS_EXPIRED CERT_NOT_YET_VALID CERT_REVOKED CERT_REJECTED CERT_UNTRUSTED
      CERT_SIGNATURE_FAILURE CERT_CHAIN_TOO_LONG DEPTH_ZERO_SELF_SIGNED_CERT
      SELF_SIGNED_CERT_IN_CHAIN UNABLE_TO_VERIFY_LEAF_SIGNATURE UNABLE_TO_GET_ISSUER_CERT
      UNABLE_TO_GET_ISSUER_CERT_LOCALLY UNABLE_TO_GET_CRL UNABLE_TO_DECRYPT_CERT_SIGNATURE
      UNABLE_TO_DECRYPT_CRL_SIGNATURE UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY CRL_SIGNATURE_FAILURE
      CRL_NOT_YET_VALID CRL_HAS_EXPIRED ERROR_IN_CERT_NOT_BEFORE_FIELD ERROR_IN_CERT_NOT_AFTER_FIELD
      ERROR_IN_CRL_LAST_UPDATE_FIELD ERROR_IN_CRL_NEXT_UPDATE_FIELD INVALID_CA INVALID_PURPOSE
      PATH_LENGTH_EXCEEDED HOSTNAME_MISMATCH OUT_OF_MEM UNSPECIFIED ERR_TLS_CERT_ALTNAME_INVALID
      ERR_TLS_CERT_ALTNAME_FORMAT
    `,
    certificate,
  ],
  ['ERR_TLS_HANDSHAKE_TIMEOUT', counted('upstream_connect_timeout')],
  ['EPROTO', openSsl],
  ['ERR_SSL_WRONG_VERSION_NUMBER', notTls],
  [
    `
      ERR_SSL_NO_PROTOCOLS_AVAILABLE ERR_SSL_NO_CIPHER_MATCH ERR_TLS_INVALID_PROTOCOL_VERSION
      ERR_TLS_PROTOCOL_VERSION_CONFLICT ERR_TLS_INVALID_PROTOCOL_METHOD ERR_TLS_INVALID_CONTEXT
      ERR_TLS_REQUIRED_SERVER_NAME ERR_TLS_SNI_FROM_SERVER ERR_TLS_DH_PARAM_SIZE
      ERR_TLS_PSK_SET_IDENTIY_HINT_FAILED
    `,
    misconfigured,
  ],
  [
    `
      ERR_TLS_INVALID_STATE ERR_TLS_SESSION_ATTACK ERR_TLS_RENEGOTIATION_DISABLED
      ERR_MULTIPLE_CALLBACK
    `,
    broken,
  ],
]

/** Prefixes of the codes that OpenSSL and Node build from names. */
export const tlsFamilies: readonly (readonly [prefix: string, rule: Rule])[] = [
  ['ERR_SSL_', openSsl],
  ['ERR_OSSL_', misconfigured],
  ['ERR_TLS_ALPN_CALLBACK_', misconfigured],
]
