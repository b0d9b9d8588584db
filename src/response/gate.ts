import type { ServerResponse } from 'node:http'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { fieldOf, textOf } from './fields.js'
import { Held, type Hold, resetHeaders, settleCallback } from './hold.js'
import { isSealable, sealed } from './seal.js'

/** The head of a response, a moment before it goes out. */
export interface Head {
  /** Status about to be sent, NaN when it is no number; undefined when the response is being destroyed without an answer. */
  readonly status: number | undefined
  /** A header field, from `writeHead` or `setHeader`; lower-case name. */
  header(name: string): string | undefined
}

/**
 * Looks at the head; returning a function replaces the response by what the function writes, and a
 * `Hold` keeps it back until its body is whole.
 */
export type HeadListener = (head: Head) => (() => void) | Hold | undefined

/** The methods of a response below all hooks. */
export type RawResponse = Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'destroy'>

type Method = (this: ServerResponse, ...args: never[]) => unknown
type Patched = 'writeHead' | 'write' | 'end' | 'flushHeaders' | 'destroy'
type Originals = Record<Patched, Method>
interface State {
  readonly exchange: Exchange
  readonly listeners: HeadListener[]
  readonly originals: Originals
  phase: 'waiting' | 'held' | 'passed' | 'sealed'
  /** What is kept back, in the phase `held`. */
  held?: { readonly calls: Held; readonly holds: readonly Hold[] } | undefined
}

const STATE = Symbol.for('good-gateway.head')
type Hooked = ServerResponse & { [STATE]?: State }

/**
 * Calls the listener once, before anything of the response goes out, whichever way that happens.
 *
 * The methods are shared functions over one state, put on the response itself: closures for each
 * response cost three times as much. They make way for Node's own when the decision is made, so that
 * streaming, back-pressure and callbacks stay what they are.
 */
export function onHead(exchange: Exchange, listener: HeadListener): void {
  stateFor(exchange).listeners.push(listener)
}

/** Takes the hooks off an undecided response and returns the methods below all of them. */
export function takeOver(exchange: Exchange): RawResponse {
  const raw = rawOf(exchange)
  discardHeld(exchange)
  return raw
}

/** The methods of a response below all hooks and seals. */
export function rawOf(exchange: Exchange): RawResponse {
  const { res } = exchange
  const { writeHead, write, end, destroy } = stateFor(exchange).originals
  return {
    writeHead: writeHead.bind(res) as ServerResponse['writeHead'],
    write: write.bind(res) as ServerResponse['write'],
    end: end.bind(res) as ServerResponse['end'],
    destroy: destroy.bind(res) as ServerResponse['destroy'],
  }
}

/**
 * Makes everything that the application still writes a no-op. A proxy's late `writeHead` would throw
 * inside an event listener otherwise, and end the process.
 */
export function seal(exchange: Exchange): void {
  stateFor(exchange).phase = 'sealed'
  Object.assign(exchange.res, sealed)
}

/** Does something with the response as if it were not sealed. */
export type Unsealed = <T>(work: () => T) => T

/**
 * Seals the response but for what is done inside of the function returned: a new beginning, whose
 * head has new listeners. Wrappers that the application has put on the methods are its own, and go.
 */
export function sealExcept(exchange: Exchange): Unsealed {
  const { res } = exchange
  const state = stateFor(exchange)
  const own = Object.entries(res).filter(([name]) => isSealable(name))
  const before = { ...Object.fromEntries(own), ...state.originals }
  let phase: State['phase'] = 'waiting'
  discardHeld(exchange)
  state.listeners.length = 0
  const close = () => {
    state.phase = 'sealed'
    Object.assign(res, sealed)
  }
  close()
  return (work) => {
    for (const name of Object.keys(res).filter(isSealable)) Reflect.deleteProperty(res, name)
    Object.assign(res, before, phase === 'waiting' && hooks)
    state.phase = phase
    try {
      return work()
    } finally {
      phase = state.phase
      close()
    }
  }
}

/** Whether the head has left: that of a held response has not, whatever the response says. */
export function headIsOut({ res }: Exchange): boolean {
  return (res as Hooked)[STATE]?.held === undefined && res.headersSent
}

function stateFor(exchange: Exchange): State {
  return ((exchange.res as Hooked)[STATE] ??= hook(exchange))
}

function hook(exchange: Exchange): State {
  const { res } = exchange
  const { writeHead, write, end, flushHeaders, destroy } = res
  const originals = { writeHead, write, end, flushHeaders, destroy } as unknown as Originals
  Object.assign(res, hooks)
  return { exchange, listeners: [], originals, phase: 'waiting' }
}

/**
 * Puts the originals back. Somebody may have wrapped our function since: what is not ours any more
 * stays where it is. A deleted property would make a slow object of the response.
 */
function restore(res: ServerResponse, { originals }: State): void {
  for (const name of PATCHED) {
    if ((res[name] as unknown) === hooks[name])
      (res as unknown as Originals)[name] = originals[name]
  }
}

/**
 * Decides about a head that goes out another way than through the response, and cannot be held; true
 * when the response was replaced.
 */
export function decideHead(exchange: Exchange, head: Head): boolean {
  const state = stateFor(exchange)
  if (state.phase === 'waiting') {
    const { answer } = wishesOf(state, head)
    restore(exchange.res, state)
    answer?.()
    return answer !== undefined
  }
  return state.phase === 'sealed'
}

/** Asks the listeners, all of them. */
function wishesOf(state: State, head: Head): { answer: (() => void) | undefined; holds: Hold[] } {
  state.phase = 'passed'
  state.exchange.head = head
  const holds: Hold[] = []
  let answer: (() => void) | undefined
  for (const listener of state.listeners) {
    const wish = listener(head)
    if (typeof wish === 'function') answer = wish
    else if (wish) holds.push(wish)
  }
  return { answer, holds }
}

/** Does what the listeners want. */
function decide(res: ServerResponse, state: State, head: Head): void {
  const { answer, holds } = wishesOf(state, head)
  if (answer === undefined && holds.length > 0) return hold(res, state, holds)
  restore(res, state)
  answer?.()
}

/** Keeps the response back; the hooks stay, for what a wrapper of somebody else hands through. */
function hold(res: ServerResponse, state: State, holds: readonly Hold[]): void {
  const { exchange } = state
  res.statusCode = exchange.head?.status ?? res.statusCode
  const { statusCode } = res
  const release = () => {
    letGo(res, state)
    res.statusCode = statusCode
    // What Node refuses of the calls is nobody's to catch any more.
    try {
      for (const [name, args] of held.calls) call(res, name, args)
    } catch (cause) {
      exchange.answer(new GatewayError('gateway_error', { cause }))
    }
  }
  const whole = (body: Buffer) => {
    judge(holds, body).then(
      (answer) => {
        if (state.held?.calls === held) (answer ?? release)()
      },
      (error: unknown) => exchange.answer(error),
    )
  }
  const refuse = () => {
    held.uncover()
    Object.assign(state, { phase: 'waiting', held: undefined })
  }
  const held = new Held(res, Math.max(...holds.map(({ limit }) => limit)), {
    whole,
    release,
    refuse,
  })
  state.phase = 'held'
  state.held = { calls: held, holds }
  // Before those who ask whether the client has left.
  exchange.closers.unshift(() => letGo(res, state))
}

async function judge(holds: readonly Hold[], body: Buffer): Promise<(() => void) | undefined> {
  for (const one of holds) {
    const answer = body.length > one.limit ? undefined : await one.judge(body)
    if (answer) return answer
  }
  return undefined
}

/** Ends the holding of what will not be sent; nothing where nothing is held. */
export function discardHeld({ res }: Exchange): void {
  const state = stateOf(res)
  const { held } = state
  letGo(res, state)
  if (held?.holds[0]) resetHeaders(res, held.holds[0].headers)
  held?.calls.calls.forEach(([, args]) => settleCallback(args))
}

/** Ends the holding and takes the hooks off. */
function letGo(res: ServerResponse, state: State): void {
  state.held?.calls.uncover()
  state.held = undefined
  if (state.phase !== 'sealed') state.phase = 'passed'
  restore(res, state)
}

const stateOf = (res: ServerResponse): State => (res as Required<Hooked>)[STATE]

/** Runs the decision if none was made, and tells what becomes of a call of the application. */
function fateOf(res: ServerResponse, status: number | undefined, args: unknown[] = []) {
  const state = stateOf(res)
  if (state.phase !== 'waiting') return state.phase
  if (res.headersSent || res.closed) {
    restore(res, state)
    return 'passed'
  }
  const header: Head['header'] = (name) => fieldOf(args, name) ?? textOf(res.getHeader(name))
  decide(res, state, { status, header })
  // The decision has changed it.
  return state.phase as State['phase']
}

const call = (res: ServerResponse, name: Patched, args: readonly unknown[]): unknown =>
  Reflect.apply(stateOf(res).originals[name], res, args)

const heldOf = (res: ServerResponse): Held | undefined => stateOf(res).held?.calls

const hooks = {
  writeHead(this: ServerResponse, ...args: unknown[]): unknown {
    const fate = fateOf(this, Math.trunc(Number(args[0])), args)
    if (fate === 'passed') return call(this, 'writeHead', args)
    heldOf(this)?.writeHead(args)
    return this
  },
  write(this: ServerResponse, ...args: unknown[]): unknown {
    const fate = fateOf(this, Math.trunc(Number(this.statusCode)))
    if (fate === 'sealed') return sealed.write.apply(this, args)
    return heldOf(this)?.write(args) || call(this, 'write', args)
  },
  end(this: ServerResponse, ...args: unknown[]): unknown {
    const fate = fateOf(this, Math.trunc(Number(this.statusCode)))
    if (fate === 'sealed') return sealed.end.apply(this, args)
    return heldOf(this)?.end(args) ? this : call(this, 'end', args)
  },
  flushHeaders(this: ServerResponse): void {
    const fate = fateOf(this, Math.trunc(Number(this.statusCode)))
    if (fate === 'passed') call(this, 'flushHeaders', [])
    else heldOf(this)?.flushHeaders()
  },
  destroy(this: ServerResponse, ...args: unknown[]): unknown {
    const fate = fateOf(this, undefined)
    if (fate === 'sealed') return this
    const answer = stateOf(this).held?.holds[0]?.broken(args[0])
    if (answer) return (answer(), this)
    letGo(this, stateOf(this))
    return call(this, 'destroy', args)
  },
}

const PATCHED = Object.keys(hooks) as Patched[]
