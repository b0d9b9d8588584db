import type { Transform } from 'good-gateway'
import type { Listening } from '../servers.js'

/** What differs between two gateways of one kind. */
export interface Behind {
  /** Base URL of the upstream. */
  readonly target: string
  /** Milliseconds that the proxy itself grants the upstream; its own default when it is absent. */
  readonly proxyTimeout?: number
}

/** An existing gateway, as its authors document it, behind the middlewares and knowing nothing of them. */
export interface Gateway {
  readonly name: string
  /** Whether it reads the whole answer of the upstream before it begins its own. */
  readonly buffers?: boolean
  /** Whether its calls are of undici, where several requests may wait for one GET. */
  readonly shares?: boolean
  start(behind: Behind, transform?: Transform): Promise<Listening>
}

/** What is mounted before the proxies; each host has it in its own shape. */
interface Api<Middleware> {
  problemDetails(): Middleware
  routes(table: Record<string, Middleware>): Middleware
  validate(schemas: { body: object }): Middleware
  transform(transform: Transform): Middleware
}

/** The middlewares in front of a proxy. */
export const guards = <Middleware>(api: Api<Middleware>, transform?: Transform): Middleware[] => [
  api.problemDetails(),
  api.routes({ [guarded]: api.validate({ body: schema }) }),
  ...(transform ? [api.transform(transform)] : []),
]

/** Bodies of this route are checked; all else passes. */
const guarded = 'POST /echo'
const schema = { type: 'object', required: ['n'] }
