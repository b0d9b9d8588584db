import type { IncomingMessage, ServerResponse } from 'node:http'

/** The request and response of the host; nothing of a framework. */
export interface Carrier {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Path parameters, where the host's router has found them. */
  readonly params?: Readonly<Record<string, string>> | undefined
  /** The request target before a router of the host has taken something off. */
  readonly url?: string | undefined
  /** What the host's router has taken off; undefined where the host does not tell. */
  readonly mountPath?: string | undefined
}
