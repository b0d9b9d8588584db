import { subscribe } from 'node:diagnostics_channel'
import type { Socket } from 'node:net'

/** Something that is about to be sent. */
interface Starting {
  readonly path: string
  /** The connection that it is sent on, and whether that has carried another before. */
  connection: Socket | undefined
  isReused: boolean
}

const USED = Symbol.for('good-gateway.used')
type Connection = Socket & { [USED]?: true }

let starting: Starting | undefined

/** Notes what undici sends next: in the same turn it tells on which connection. */
export function starts(call: Starting): void {
  starting = call
}

/** What undici tells when it writes a head; nothing else public tells of the connection. */
function sendsHead(message: unknown): void {
  const { request, socket } = message as {
    readonly request?: { readonly path?: unknown }
    readonly socket?: Connection
  }
  const call = starting
  starting = undefined
  if (call === undefined || socket === undefined || request?.path !== call.path) return
  call.connection = socket
  call.isReused = socket[USED] === true
  socket[USED] = true
}

let listens = false

/** Begins to listen to it, once. */
export function learnConnections(): void {
  if (!listens) subscribe('undici:client:sendHeaders', sendsHead)
  listens = true
}
