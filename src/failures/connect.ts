import {
  byMessage,
  bySyscall,
  type Classification,
  counted,
  type Entry,
  neutral,
  type Rule,
} from './rule.js'

const connectTimeout = counted('upstream_connect_timeout')
const timeout = counted('upstream_timeout')
const unreachable = counted('upstream_unreachable')
const refused = counted('upstream_refused')
const lost = counted('upstream_connection_lost')
/** Lost while connecting: the upstream has not seen the request. */
const lostEarly = counted('upstream_connection_lost', { retry: 'safe' })
const misconfigured = neutral('gateway_misconfigured')
const exhausted = neutral('gateway_overloaded')
/** Should not happen: a fault inside of the gateway or of Node. The upstream has not seen the request. */
const internal = neutral('gateway_error', { retry: 'safe' })
const prohibited = neutral('upstream_unreachable', {
  proxyStatus: { error: 'destination_ip_prohibited' },
  retry: 'idempotent',
})

const dns = counted('upstream_dns_failed')
const dnsTimeout = counted('upstream_dns_timeout')
const dnsAnswer = (rcode: string): Rule =>
  counted('upstream_dns_failed', { proxyStatus: { error: 'dns_error', rcode } })

/** File operations have these codes too, and then they say nothing about an upstream. */
const ofSocket = (rule: Rule): Rule => bySyscall({ connect: rule, none: rule, bind: misconfigured })

const concurrencyLimit = neutral('concurrency_limit')

/**
 * opossum has one message for two timeouts: that of the call, which has its symbol `our-error`, and
 * that of the wait for its semaphore, which has not.
 */
function ofOpossum(error: object): Classification {
  const ofCall = Object.getOwnPropertySymbols(error).some((key) => key.description === 'our-error')
  return ofCall ? timeout : concurrencyLimit
}

/** Connecting to the upstream. */
export const connection: readonly Entry[] = [
  ['ECONNREFUSED', bySyscall({ query: dns, lookup: dns, otherwise: refused })],
  [
    'ECONNRESET',
    bySyscall({
      connect: lostEarly,
      none: byMessage(
        [
          [/^aborted$/, counted('upstream_response_incomplete')],
          [/before secure TLS connection/, counted('upstream_tls_failed', { retry: 'safe' })],
        ],
        lost,
      ),
      otherwise: lost,
    }),
  ],
  // axios ends its own timeouts with this code.
  ['ECONNABORTED', byMessage([[/^timeout of \d+ms/, timeout]], lostEarly)],
  [
    'ETIMEDOUT',
    bySyscall({
      connect: connectTimeout,
      read: counted('upstream_idle_timeout'),
      write: counted('upstream_timeout', { proxyStatus: { error: 'connection_write_timeout' } }),
      query: dnsTimeout,
      lookup: dnsTimeout,
      none: byMessage([[/^Timed out after \d+ms$/, ofOpossum]], timeout),
      otherwise: timeout,
    }),
  ],
  ['ERR_SOCKET_CONNECTION_TIMEOUT UND_ERR_CONNECT_TIMEOUT', connectTimeout],
  ['EHOSTUNREACH ENETUNREACH ENONET EHOSTDOWN ENETDOWN', unreachable],
  ['EADDRNOTAVAIL', bySyscall({ bind: misconfigured, otherwise: exhausted })],
  ['EADDRINUSE', misconfigured],
  ['EMFILE ENFILE ENOBUFS ENOMEM', exhausted],
  ['EACCES EPERM', ofSocket(prohibited)],
  ['EAFNOSUPPORT EPROTONOSUPPORT EPROTOTYPE ESOCKTNOSUPPORT', misconfigured],
  ['EINVAL ENOTSOCK ELOOP ENAMETOOLONG ENOTDIR', ofSocket(misconfigured)],
  ['ENOENT', ofSocket(refused)],
  ['EALREADY EISCONN EBADF EINPROGRESS', internal],
]

/** Connecting through a proxy that the gateway itself uses for its calls. */
export const egress: readonly Entry[] = [
  [
    `
      UND_ERR_SOCKS5 UND_ERR_SOCKS5_AUTH_FAILED UND_ERR_SOCKS5_AUTH_REJECTED
      UND_ERR_SOCKS5_AUTH_METHOD UND_ERR_SOCKS5_AUTH_VERSION UND_ERR_SOCKS5_VERSION
      UND_ERR_SOCKS5_REPLY_VERSION UND_ERR_SOCKS5_ADDR_TYPE
    `,
    misconfigured,
  ],
  [
    'UND_ERR_SOCKS5_REPLY_2',
    counted('upstream_unreachable', { proxyStatus: { error: 'destination_ip_prohibited' } }),
  ],
  // The agents of Node itself; undici tells the same with other codes.
  [
    'ERR_PROXY_TUNNEL',
    byMessage(
      [
        [/ 407\b/, counted('gateway_misconfigured', { status: 502 })],
        [/timed out/, connectTimeout],
      ],
      counted('upstream_protocol_error'),
    ),
  ],
  ['ERR_PROXY_INVALID_CONFIG', misconfigured],
  ['UND_ERR_SOCKS5_REPLY_3 UND_ERR_SOCKS5_REPLY_4', unreachable],
  ['UND_ERR_SOCKS5_REPLY_5 UND_ERR_PRX_CONN', refused],
  ['UND_ERR_SOCKS5_REPLY_6', connectTimeout],
  ['UND_ERR_PRX_TLS', counted('upstream_tls_failed', { retry: 'safe' })],
]

/** The other replies of SOCKS 5 (RFC 1928, section 6), which say only that it failed. */
export const egressFamilies: readonly (readonly [prefix: string, rule: Rule])[] = [
  ['UND_ERR_SOCKS5_REPLY_', lostEarly],
]

/** Resolving the name of the upstream. */
export const resolution: readonly Entry[] = [
  // getaddrinfo gives one code for a name that does not exist and for a name without addresses.
  ['ENOTFOUND', bySyscall({ query: dnsAnswer('NXDOMAIN'), otherwise: dns })],
  ['EAI_AGAIN EAI_FAIL EBADRESP', dns],
  ['EAI_NODATA ENODATA', dnsAnswer('NOERROR')],
  ['ESERVFAIL', dnsAnswer('SERVFAIL')],
  ['EREFUSED', dnsAnswer('REFUSED')],
  ['EFORMERR', dnsAnswer('FORMERR')],
  ['ENOTIMP', dnsAnswer('NOTIMP')],
  ['ETIMEOUT', dnsTimeout],
  ['EAI_MEMORY EFILE EAI_OVERFLOW', exhausted],
  [
    `
      EAI_ADDRFAMILY EAI_FAMILY EAI_SERVICE EAI_SOCKTYPE EAI_PROTOCOL EAI_BADFLAGS EAI_BADHINTS
      EBADNAME EBADQUERY EBADFAMILY EBADFLAGS EBADHINTS EBADSTR ENONAME ECHARSET
      ERR_INVALID_IP_ADDRESS
    `,
    misconfigured,
  ],
  [
    'EAI_CANCELED ECANCELLED EDESTRUCTION ENOTINITIALIZED ELOADIPHLPAPI EADDRGETNETWORKPARAMS EOF',
    internal,
  ],
]
