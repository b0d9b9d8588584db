/** The call that is diagnosed, as the client would make it. */
export interface ApiCall {
  readonly method: string
  readonly url: URL
  /** Names and values in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Buffer | undefined
}

/** How long and whom to ask. */
export interface Limits {
  /** Milliseconds for each wait: the name, a connection, TLS, the head, the body. */
  readonly timeout: number
  /** Milliseconds that the connection stays idle between its two requests. */
  readonly idle: number
  /** DNS servers, `address` or `address:port`, that are asked in place of the system's. */
  readonly resolvers: readonly string[]
}

/** An address of the server. */
export interface Address {
  readonly address: string
  readonly family: 4 | 6
}

/** Most addresses of one name that are tried. */
export const MOST_ADDRESSES = 8
/** Most bytes of a body that are kept. */
export const MOST_KEPT = 1_048_576
/** Most bytes of a body that are read. */
export const MOST_READ = 67_108_864
/** Most redirections that are followed. */
export const MOST_REDIRECTS = 10

/** The host of a URL without the brackets of an IPv6 address. */
export const hostOf = ({ hostname }: URL): string => hostname.replace(/^\[(.*)\]$/, '$1')

/** The port of a URL, the default one of its scheme where it names none. */
export const portOf = ({ port, protocol }: URL): number =>
  port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port)

/** Whether a URL asks for TLS. */
export const isSecure = ({ protocol }: URL): boolean => protocol === 'https:'

/** Address and port as they are written together. */
export const at = ({ address, family }: Address, port: number): string =>
  `${family === 6 ? `[${address}]` : address}:${port}`

/** Whether a request may be made again without another effect than the first (RFC 9110, section 9.2.1). */
export const isSafe = (method: string): boolean => ['GET', 'HEAD', 'OPTIONS'].includes(method)

/** The value of a field of the call; undefined when it has none. */
export const fieldOf = ({ headers }: ApiCall, name: string): string | undefined =>
  headers.find(([each]) => each.toLowerCase() === name)?.[1]
