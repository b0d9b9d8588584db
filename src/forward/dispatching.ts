/** What is used of a dispatcher of undici (7 or later): its `Agent`, `Pool`, `ProxyAgent`, `MockAgent` … */
export interface Dispatching {
  /** Sends a request; the handler is told of all that becomes of it. */
  dispatch(options: object, handler: object): boolean
  /** Ends its connections, once what is under way is over. */
  close?(): Promise<unknown>
}

/** How a request goes on, for its handler. */
export interface Controller {
  abort(reason: Error): void
  pause(): void
  resume(): void
  /** Names and values in turn, as they came; an object where an interceptor has made them. */
  readonly rawHeaders?: unknown
  readonly rawTrailers?: unknown
}

/** What a request is sent with. */
export interface Sending {
  readonly origin: string
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly headers: readonly string[]
  readonly body: unknown
  readonly servername?: string
  readonly upgrade?: string
}

/** Whether a value is such a dispatcher. */
export const isDispatching = (value: unknown): value is Dispatching =>
  typeof value === 'object' &&
  value !== null &&
  typeof Reflect.get(value, 'dispatch') === 'function'
