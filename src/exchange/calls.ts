import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Writable } from 'node:stream'
import type { EventRequest } from '../common/event-shapes.js'
import type { Linked } from '../common/linked-list.js'
import type { Code } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import { clientLeft } from '../response/client.js'
import type { Gate } from '../response/gate.js'
import { tellCallEnd, tellUnended } from './call-event.js'
import { type Asked, type Candidate, decide, endsWithRequest, foremost } from './deciding.js'
import { explain, unknownCoding, upstreamError } from './explain.js'
import { unauthorizedProxy } from './unauthorized-proxy.js'
import { bodySpent, isBodySpent } from './spent-body.js'

/** Whose calls they are, as far as the calls must know. */
export interface CallsOwner extends EventRequest {
  readonly response: Gate
  /** Whether the request is over. */
  readonly isClosed: boolean
  fail(error: unknown): GatewayError
}

/** What somebody who follows the calls of a request is told. */
export interface CallFollower {
  callStarted?(call: Call): void
  callAnswered?(call: Call): void
  callEnded?(call: Call): void
  /** Somebody else answers the request now, whatever becomes of its calls. */
  superseded?(): void
}

/** The head of a response, as far as it is looked at. */
export interface CallHead {
  readonly status: number
  /** Its field `Transfer-Encoding`. */
  readonly coding: string | undefined
}

/** One outgoing call, as far as it is known; each client library has its own kind. */
export abstract class Call implements Candidate {
  /** Whose it is; undefined once its request is over. */
  calls: Calls | undefined
  /** Those of the request in whose context it was made, where it was taken for another's. */
  madeIn: Calls | undefined = undefined
  /** Milliseconds of the monotonic clock; so are the others. */
  readonly startedAt: number = performance.now()
  /** When its connection stood, TLS included; the start where it was used before. */
  connectedAt: number | undefined = undefined
  /** When the head of its response was there. */
  answeredAt: number | undefined = undefined
  /** When nothing more could come of it. */
  endedAt: number | undefined = undefined
  /** Status of its response, once the head is there. */
  status: number | undefined = undefined
  /** `open` until the whole response is there, the call has failed, or this side has aborted it. */
  state: 'open' | 'complete' | 'failed' | 'aborted' = 'open'
  /** Why it failed, in our words. */
  failure: GatewayError | undefined = undefined
  /** Whether the application has aborted it before its head, and waits for it no more. */
  isDropped = false
  /** Whether the application has ended it before its time, or its own stream of the body has. */
  endedHere = false
  /** The how manieth it is for its request, where the same is sent again. */
  attempt = 1

  /** Name of its target, where it has one of several. */
  upstream: string | undefined = undefined

  constructor(calls: Calls) {
    this.calls = calls
  }

  /** The request that it is made for; undefined once that is over. */
  get owner(): CallsOwner | undefined {
    return this.calls?.owner
  }

  /** Ends the request on this side; without an error it looks like a lost connection. */
  abstract destroy(error?: Error): void
  /** Reads what nobody reads any more, where that is possible, so that the connection gets free. */
  abstract drain(): void
  /** The error that broke the response, where no event has told it yet. */
  abstract broken(): unknown
  /** What it asks for; undefined once nothing is known any more. */
  abstract asked(): Asked | undefined
  /** Whether it asks for exactly this; quicker than `asked`. */
  abstract asksFor(method: string | undefined, target: string): boolean
  /** Whether it sends the body of the request as its own. */
  abstract takesBodyOf(req: IncomingMessage): boolean
  /** Whether the response is piped into a stream. */
  abstract feeds(target: Writable): boolean
  /** Whether nobody but us is told that its response breaks, so that nobody will answer for it. */
  abstract isUnheard(): boolean
  /** Bytes that the connection has received so far. */
  abstract bytesRead(): number
  /** Whether a connection stands, TLS included. */
  abstract connected(): boolean
  /** Whether it has announced a body, and sent nothing of it. */
  abstract lacksBody(): boolean
  /** The header fields of the response, parsed when somebody asks. */
  abstract fields(): IncomingHttpHeaders
  /** Lets go of what the client library gave, once nobody will ask for it. */
  protected abstract release(): void

  /** The head of its response is there. */
  answered({ status, coding }: CallHead): void {
    const { calls } = this
    if (status < 200 || status > 599) {
      // RFC 9110, section 15: such a status is not valid, and Node refuses to write some of them.
      const cause = new Error(`The upstream answered with the status ${status}.`)
      return this.fail(upstreamError(calls?.owner, 'upstream_protocol_error', { cause }))
    }
    if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
      this.fail(unknownCoding(calls?.owner, coding))
      return this.answerFor()
    }
    this.answeredAt = performance.now()
    this.status = status
    // RFC 9110, section 15.5.8: a proxy says so, and not the upstream behind it.
    if (status === 407) this.failure = unauthorizedProxy()
    calls?.tellAnswered(this)
  }

  /** It has broken. */
  fail(error: unknown): void {
    this.failure ??= this.failureOf(error)
    this.end(this.failure.code === 'client_closed_request' ? 'aborted' : 'failed')
  }

  /**
   * This side has ended it after its head: the application needs no more of it. While its response is
   * on the way to the client, that is a timeout of the application's own.
   *
   * @param isTimeout - Whether it is known to be one.
   */
  abortedByApplication(error: unknown, isTimeout = false): void {
    const { calls } = this
    const isHalfway = calls?.relay === this && !calls.owner.response.res.writableEnded
    if (this.failure || isHalfway || isTimeout) this.fail(error)
    else this.end('aborted')
  }

  /** Nothing more will come of it. */
  end(state: 'complete' | 'failed' | 'aborted'): void {
    if (this.state !== 'open') return
    this.state = state
    this.endedAt = performance.now()
    const { calls } = this
    // Its request is over, and nobody asks for it any more.
    if (calls === undefined) return this.release()
    calls.tellEnded(this)
  }

  /** Ends it on this side, for the reason given. */
  abort(reason: GatewayError): void {
    if (this.state !== 'open') return
    this.failure = reason
    // Proxies know a client that has left as a lost connection; only a timeout deserves an error.
    this.destroy(reason.code === 'client_closed_request' ? undefined : reason)
  }

  /** Answers for a failure that the application is not told of, if this call still decides. */
  answerFor(): void {
    const { calls, failure } = this
    if (!failure || !calls || this !== calls.deciding || calls.owner.response.res.headersSent)
      return
    calls.owner.fail(failure)
    this.destroy(failure)
  }

  /** Its failure, also when its response has broken and nobody was told yet. */
  get currentFailure(): GatewayError | undefined {
    if (this.failure || this.state !== 'open') return this.failure
    const broken = this.broken()
    return broken === undefined ? undefined : this.failureOf(broken)
  }

  /** Lets go of its request, which is over. */
  forget(): void {
    this.calls = undefined
    this.madeIn = undefined
    if (this.state !== 'open') this.release()
  }

  /** Why it failed: what broke it, in the light of how far it had come. */
  private failureOf(error: unknown): GatewayError {
    const owner = this.calls?.owner
    const found = explain(error, owner)
    if (found && WAITED.has(found.code) && owner && isBodySpent(this, owner.req))
      return bodySpent(owner.req)
    if (found?.code === 'upstream_connection_lost') {
      // A connection that dies after the head leaves an incomplete response behind.
      if (this.status !== undefined)
        return upstreamError(owner, 'upstream_response_incomplete', { cause: error })
      // One that never stood has carried nothing.
      if (this.connectedAt === undefined)
        return upstreamError(owner, found.code, { ...found.options, retry: 'safe' })
    }
    return found ?? upstreamError(owner, 'upstream_error', { cause: error })
  }
}

/** The calls of one request. */
export class Calls implements Linked<Calls> {
  readonly owner: CallsOwner
  /** The one whose response was let through as the answer. */
  relay: Call | undefined = undefined
  readonly all: Call[] = []
  readonly followers: readonly CallFollower[]
  /** Set when this side has given up: a call that shows up late ends at once. */
  aborted: GatewayError | undefined = undefined
  before: Calls | undefined = undefined
  after: Calls | undefined = undefined

  constructor(owner: CallsOwner, followers: readonly CallFollower[]) {
    this.owner = owner
    this.followers = followers
  }

  /** A call begins. */
  begin(call: Call): void {
    this.all.push(call)
    for (const follower of this.followers) follower.callStarted?.(call)
  }

  /** A call was begun for the wrong request: somebody runs the work of one in the context of another. */
  take(call: Call): void {
    if (call.state !== 'open') return
    const all = call.calls?.all ?? []
    const at = all.indexOf(call)
    if (at !== -1) all.splice(at, 1)
    call.calls = this
    this.begin(call)
  }

  /** The one that stands for the request: the relay, else the one that is most like the request. */
  get deciding(): Call | undefined {
    return this.decidingFor(undefined)
  }

  /** The same, at a head with this status. */
  decidingFor(status: number | undefined): Call | undefined {
    const { all, relay } = this
    return relay ?? (all.length < 2 ? all[0] : decide(all, this.owner, status))
  }

  /** Those that are waited for: several where they stand for the request equally, as parts of a page. */
  get awaited(): readonly Call[] {
    const open = this.all.filter(({ state }) => state === 'open')
    return foremost(open, this.owner)
  }

  /** Ends on this side what is made for this request alone. */
  abort(reason: GatewayError): void {
    this.aborted = reason
    for (const call of this.all) this.abortIfOwn(call, reason)
  }

  /** Ends a call on this side, unless others may wait for it. */
  abortIfOwn(call: Call, reason: GatewayError): void {
    if (call === this.relay || endsWithRequest(call, this.owner)) call.abort(reason)
  }

  /** One whose response is not yet complete. */
  get open(): Call | undefined {
    return this.all.find(({ state }) => state === 'open')
  }

  tellAnswered(call: Call): void {
    for (const follower of this.followers) follower.callAnswered?.(call)
  }

  tellEnded(call: Call): void {
    for (const follower of this.followers) follower.callEnded?.(call)
    tellCallEnd(call)
    if (call.failure && call.state === 'failed') this.#reportDeath(call, call.failure)
  }

  tellSuperseded(): void {
    for (const follower of this.followers) follower.superseded?.()
  }

  /** The request is over: what it leads to is let go, so that no old object keeps a new one alive. */
  release(): void {
    // What the application still throws is explained by it.
    this.relay = this.deciding
    for (const call of this.all) {
      tellUnended(call, call === this.relay)
      call.forget()
    }
    this.all.length = 0
  }

  /**
   * An upstream that dies in mid-body leaves most proxies, and so the client, waiting for ever.
   *
   * Before the head is out this is only ours to answer when something is piped into the response, or
   * nobody listens: otherwise the application still has the error to handle.
   */
  #reportDeath(call: Call, failure: GatewayError): void {
    const { response } = this.owner
    const { res } = response
    if (res.writableEnded || response.settled || clientLeft(response)) return
    const isWaiting = !res.headersSent && call.status !== undefined && call === this.deciding
    // pipe() listens for its own undoing: the one public trace that it leaves on the target.
    const isPiped = isWaiting && res.listenerCount('unpipe') > 0
    const isLost = isPiped || (isWaiting && call.isUnheard())
    // A pipe without the status of the upstream is no relay by its head.
    if (this.relay === call || isLost || call.feeds(res)) this.owner.fail(failure)
  }
}

/** What becomes of a call whose body the upstream waits for in vain. */
const WAITED: ReadonlySet<Code> = new Set(['upstream_timeout', 'upstream_connection_lost'])
