import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { requestEnd } from '../common/events.js'
import type { GatewayError } from '../errors/gateway-error.js'
import type { BufferedResponse, ResponseCheck } from './buffered.js'
import type { Head, Wish } from './head.js'

/**
 * How far a response has come: nothing is decided, it is held until it was checked, what the
 * application writes goes out, the answer of the gateway is on its way through the application's
 * wrappers, the gateway has answered or cut, or it is closed to the application: the client has left,
 * or a fallback answers.
 */
export type Phase = 'waiting' | 'held' | 'passed' | 'answering' | 'answered' | 'cut' | 'closed'

/** Who decides about a head. */
export interface GateKeeper {
  /** Asked once, before anything goes out. */
  atHead(head: Head): Wish[]
  /** Answers an error from outside of the call stack. */
  fail(error: unknown): GatewayError
  /** Node has refused to write the head; true when it was answered, else whoever wrote it hears of it. */
  refused(error: unknown): boolean
}

/** Methods of a response, whatever their arguments. */
type Method = (this: ServerResponse, ...args: never[]) => unknown
export type Patched = 'writeHead' | 'write' | 'end' | 'flushHeaders' | 'destroy'
export type Originals = Record<Patched, Method>

/** What the calls of the application go through where the response is changed on its way. */
export interface Stream {
  writeHead(args: readonly unknown[]): unknown
  write(args: readonly unknown[]): unknown
  end(args: readonly unknown[]): unknown
  flushHeaders(): void
}

/** What is kept back, and who checks it. */
export interface Held {
  readonly buffered: BufferedResponse
  readonly checks: readonly ResponseCheck[]
}

/**
 * The client's side of a request: what has become of its response.
 *
 * Its hooks are shared functions over this object, put on the response itself: closures for each
 * response cost three times as much. They make way for Node's own methods when the decision is made,
 * so that streaming, back-pressure and callbacks stay what they are.
 */
export class Gate {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Of the client; requests that were made up have none. undici takes it off a request that it has sent. */
  readonly socket: Socket | undefined
  keeper: GateKeeper
  phase: Phase = 'waiting'
  /** The head that was let through. */
  head: Head | undefined = undefined
  /** When it went out, in milliseconds of the monotonic clock, where somebody listens to events. */
  headAt: number | undefined = undefined
  /** What is kept back, in the phase `held`. */
  held: Held | undefined = undefined
  /** What changes the response on its way, in the phase `passed`. */
  stream: Stream | undefined = undefined
  /** Whether the application, or the last of its wrappers, has ended it. */
  isEnded = false
  /** Told once the wrappers around a head that was replaced have come to their end. */
  finish: (() => void) | undefined = undefined
  /** The methods of the response as they were before the hooks. */
  originals: Originals | undefined = undefined

  constructor(req: IncomingMessage, res: ServerResponse, keeper: GateKeeper) {
    this.req = req
    this.res = res
    this.socket = (req as { readonly socket?: Socket | null }).socket ?? undefined
    this.keeper = keeper
  }

  /** Whether the gateway has answered or cut: what follows is neither the client's nor the upstream's doing. */
  get settled(): boolean {
    return this.phase === 'answering' || this.phase === 'answered' || this.phase === 'cut'
  }
}

/** Whether what the application still writes is ignored. */
export const isSealed = (phase: Phase): boolean =>
  phase === 'answering' || phase === 'answered' || phase === 'cut' || phase === 'closed'

/** Keeps the time at which the head goes out, for those who listen. */
export function stampHead(gate: Gate): void {
  if (requestEnd.hasSubscribers) gate.headAt = performance.now()
}

/** Whether the head has left: that of a held response has not, whatever the response says. */
export function headIsOut({ held, res }: Gate): boolean {
  return held === undefined && res.headersSent
}
