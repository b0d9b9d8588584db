/** The faults that the sample proxy offers under `/faults/<name>` and `/bare/faults/<name>`. */
export const faultNames = [
  'refused',
  'dns',
  'reset',
  'hang',
  'slow',
  'html',
  'not-http',
  'bad-status',
  'truncated',
  'truncated-chunked',
  'truncated-sse',
  'rst',
  'surplus',
  'huge-headers',
  'tls-self-signed',
  '500',
  '503-retry-after',
  '429',
] as const

/** Further faults, which only the tests use. */
export const extraFaults = [
  'hang-up',
  'rst-close-delimited',
  'head-then-fin',
  'stall-body',
  'sse-idle',
  '404',
  '502-no-date',
] as const

/** A fault of the sample proxy. */
export type FaultName = (typeof faultNames)[number]

/** A fault for tests. */
export type ExtraFault = (typeof extraFaults)[number]

/** What a fault is, in words. */
export interface About {
  /** What the upstream does. */
  readonly title: string
  /** What a client of the guarded proxy sees. */
  readonly expect: string
  /** What a client of the same proxy sees without the middlewares. */
  readonly bare: string
}

const PASSES = 'the same answer: an upstream may fail in its own words'
const WAITS = 'curl waits for the rest until -m 5 stops it'
const BARE_500 = '500 without a body'

/** Every fault of the sample proxy in words. */
export const about: Readonly<Record<FaultName, About>> = {
  refused: {
    title: 'Nothing listens at the port.',
    expect: '502 upstream_refused',
    bare: BARE_500,
  },
  dns: {
    title: 'The name of the upstream does not exist.',
    expect: '502 upstream_dns_failed',
    bare: BARE_500,
  },
  reset: {
    title: 'The connection is reset before the response.',
    expect: '502 upstream_connection_lost',
    bare: BARE_500,
  },
  hang: {
    title: 'The request is read and never answered.',
    expect: '504 upstream_timeout, after the 3 s that the circuit breaker grants',
    bare: 'nothing at all until -m 5 stops curl',
  },
  slow: {
    title: 'A good answer that takes 1.5 s; ?ms=300 sets another time.',
    expect: '200 from the upstream: slow is not broken',
    bare: 'the same',
  },
  html: {
    title: 'A load balancer answers 500 with a page of HTML.',
    expect: PASSES,
    bare: 'the same page',
  },
  'not-http': {
    title: 'Something that speaks SSH, not HTTP.',
    expect: '502 upstream_protocol_error',
    bare: BARE_500,
  },
  'bad-status': {
    title: 'A response with the impossible status 099.',
    expect: '502 upstream_protocol_error',
    bare: 'no response: http-proxy throws, and the process ends (the sample starts another)',
  },
  truncated: {
    title: 'A body that ends before its Content-Length.',
    expect: '200 and a part of the body, then a cut that curl reports at once',
    bare: `200 and a part of the body; ${WAITS}`,
  },
  'truncated-chunked': {
    title: 'A chunked body without its last chunk.',
    expect: '200 and a part of the body, then a cut that curl reports at once',
    bare: `200 and a part of the body; ${WAITS}`,
  },
  'truncated-sse': {
    title: 'A stream of chat events that ends before its [DONE].',
    expect: '200, two events, then one "event: error" with the standard body and a cut',
    bare: `200 and two events; ${WAITS}`,
  },
  rst: {
    title: 'The connection is reset in the middle of the body.',
    expect: '200 and a part of the body, then a cut that curl reports at once',
    bare: 'the process ends: the error listener writes a second head',
  },
  surplus: {
    title: 'More bytes than the response has by its Content-Length.',
    expect: 'an answer or an error with the standard body, and the gateway goes on',
    bare: 'a broken 500: http-proxy throws, and the process ends (the sample starts another)',
  },
  'huge-headers': {
    title: 'A header section of 20 KB, where Node reads 16 KiB.',
    expect: '502 upstream_headers_too_large',
    bare: BARE_500,
  },
  'tls-self-signed': {
    title: 'HTTPS with a certificate that nobody has signed.',
    expect: '502 upstream_tls_certificate',
    bare: BARE_500,
  },
  '500': {
    title: 'The upstream answers 500 with a JSON error of its own.',
    expect: PASSES,
    bare: 'the same answer',
  },
  '503-retry-after': {
    title: 'The upstream answers 503 with Retry-After: 7 and its own JSON.',
    expect: PASSES,
    bare: 'the same answer',
  },
  '429': {
    title: 'The upstream answers 429 with Retry-After: 3 and its own JSON.',
    expect: PASSES,
    bare: 'the same answer',
  },
}
