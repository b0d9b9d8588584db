// What is asked of the gateways.
import type { Limit } from './limits.js'
import type { Ask } from './load.js'
import { imageCall, LLM_EVENTS, streamCall, textCall } from './llm-calls.js'
import { orderOf } from './orders.js'

/** One kind of traffic. */
export interface Scenario {
  readonly name: string
  readonly title: string
  readonly ask: Ask
  /** Requests of a round, as a share of those asked for. */
  readonly share: number
  /** Connections, where not the usual number. */
  readonly connections?: number
  /** Where the upstream is: up, or a port where nothing listens. */
  readonly upstream: 'up' | 'down'
  /** Most bytes of a body. */
  readonly limit: number
  /** Whether the circuit is to open before the measurement. */
  readonly opens: boolean
  /** Names of the gateways; the first is the reference. */
  readonly gateways: readonly string[]
  readonly limits?: readonly Limit[]
}

const MEGABYTE = 1_000_000
const usual = { share: 1, upstream: 'up', limit: MEGABYTE, opens: false } as const

const proxies = [
  'bare',
  'problem-details',
  'circuit-breaker',
  'guard',
  'hand-made',
  'express',
  'fastify',
  'forward-koa',
  'forward',
  'bare',
]
const handlers = ['plain', 'guard', 'hand-made', 'express', 'fastify', 'plain']

const transforms = ['guard', 'transform', 'guard']

const get = { method: 'GET', path: '/things/1' } as const

const isStatus = (expected: number) => (status: number) => status === expected
const isOk = isStatus(200)

const post = (body: string, right = isOk, path = '/orders'): Ask => ({
  method: 'POST',
  path,
  body: Buffer.from(body),
  right,
})

/** Of the proxy of the package, in place of Fastify's and of http-proxy. */
const ofForward: readonly Limit[] = [
  { gateway: 'forward', against: 'fastify', atMost: 0.75 },
  { gateway: 'forward-koa', atMost: 0.85 },
]
const ofLargeBodies: readonly Limit[] = [
  { gateway: 'guard', atMost: 1.05 },
  { gateway: 'forward', atMost: 0.9 },
  { gateway: 'forward', of: 'user', atMost: 0.7 },
]
const ofAnswers: readonly Limit[] = [{ gateway: 'guard', atMost: 1.3 }]

const llm = {
  ...usual,
  gateways: ['passed-on', 'translated', 'passed-on'],
  connections: 8,
} as const
const callModel = (body: string) => post(body, isOk, '/v1/chat/completions')

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  {
    ...usual,
    name: 'get',
    title: 'GET',
    ask: { ...get, right: isOk },
    gateways: proxies,
    limits: [
      { gateway: 'problem-details', atMost: 1.1 },
      { gateway: 'circuit-breaker', atMost: 1.15 },
      ...ofForward,
    ],
  },
  {
    ...usual,
    name: 'post',
    title: 'Checked POST of 150 bytes',
    ask: post(orderOf(150)),
    gateways: proxies,
    limits: [
      { gateway: 'guard', atMost: 1.25 },
      { gateway: 'guard', against: 'hand-made', atMost: 1 },
      { gateway: 'guard', of: 'collecting', atMost: 1.5 },
      { gateway: 'guard', of: 'marks', atMost: 0 },
      ...ofForward,
    ],
  },
  {
    ...usual,
    name: 'post-100kb',
    title: 'Checked POST of 100 KB',
    ask: post(orderOf(100_000)),
    share: 0.3,
    gateways: proxies,
  },
  {
    ...usual,
    name: 'download',
    title: 'Download of 10 MB',
    ask: {
      method: 'GET',
      path: '/files/1',
      right: (status, length) => isOk(status) && length === 10 * MEGABYTE,
    },
    share: 0.016,
    connections: 4,
    gateways: proxies,
    limits: ofLargeBodies,
  },
  {
    ...usual,
    name: 'events',
    title: '200 event streams at once, 20 events each',
    ask: { method: 'GET', path: '/events', right: isOk },
    share: 0.2,
    connections: 200,
    gateways: proxies,
    limits: ofLargeBodies,
  },
  {
    ...usual,
    name: 'transform',
    title: 'Checked POST of 1 KB, one member renamed',
    ask: post(orderOf(1024)),
    gateways: transforms,
    limits: [{ gateway: 'transform', atMost: 1.35 }],
  },
  {
    ...usual,
    name: 'transform-events',
    title: '100 event streams at once, 100 events each, every event changed',
    ask: { method: 'GET', path: '/events/100', right: isOk },
    share: 0.1,
    connections: 100,
    gateways: transforms,
    limits: [{ gateway: 'transform', of: 'event', events: 100, atMost: 5 }],
  },
  {
    ...llm,
    name: 'llm',
    title: 'Call of a language model, 1 KB of JSON',
    ask: callModel(textCall),
    limits: [{ gateway: 'translated', atMost: 1.5 }],
  },
  {
    ...llm,
    name: 'llm-events',
    title: `Call of a language model, a stream of ${LLM_EVENTS} events`,
    ask: callModel(streamCall),
    share: 0.024,
    limits: [{ gateway: 'translated', of: 'event', events: LLM_EVENTS, atMost: 5 }],
  },
  {
    ...llm,
    name: 'llm-image',
    title: 'Call of a language model, an image of 5 MB',
    ask: callModel(imageCall),
    share: 0.008,
    limits: [{ gateway: 'translated', atMost: 3.5 }],
  },
  {
    ...usual,
    name: 'open-circuit',
    title: 'Open circuit',
    ask: { ...get, right: isStatus(503) },
    upstream: 'down',
    opens: true,
    gateways: ['plain', 'circuit-breaker', 'guard', 'hand-made', 'fastify', 'plain'],
    limits: [{ gateway: 'circuit-breaker', atMost: 1.3 }, ...ofAnswers],
  },
  {
    ...usual,
    name: 'invalid-body',
    title: 'Invalid body of 150 bytes',
    ask: post(orderOf(150, 'two'), isStatus(400)),
    gateways: handlers,
    limits: ofAnswers,
  },
  {
    ...usual,
    name: 'too-large',
    title: '413 for a body of 4 KB',
    ask: post(orderOf(4000), isStatus(413)),
    limit: 1000,
    gateways: handlers,
    limits: ofAnswers,
  },
  {
    ...usual,
    name: 'refused',
    title: 'Refused upstream',
    ask: { ...get, right: (status) => status >= 500 },
    upstream: 'down',
    gateways: proxies,
  },
]

/** The scenario of a name. */
export function scenarioOf(name: string): Scenario {
  const scenario = scenarios.find((one) => one.name === name)
  if (!scenario) throw new TypeError(`there is no scenario ${name}`)
  return scenario
}
