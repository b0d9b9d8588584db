import type { ServerResponse } from 'node:http'
import { settle } from '../common/later.js'
import { GatewayError } from '../errors/gateway-error.js'
import {
  type Answer,
  BufferedResponse,
  type ResponseCheck,
  resetHeaders,
  settleCallback,
  judge,
} from './buffered.js'
import { ChangedStream } from './changed-stream.js'
import { askKeeper } from './decision.js'
import {
  type Gate,
  isSealed,
  type Originals,
  type Patched,
  type Phase,
  type Stream,
  stampHead,
} from './gate.js'
import { type Head, WrittenHead } from './head.js'
import { boundTo, type RawResponse } from './raw.js'
import { putSeal, sealed } from './seal.js'
import { give, holdHead, sendHead } from './send-head.js'

const GATE = Symbol.for('good-gateway.gate/2')
type Hooked = ServerResponse & { [GATE]?: Gate }

/** Puts the hooks on a response, once; the keeper is asked whichever way its head goes out. */
export function hook(gate: Gate): Originals {
  if (gate.originals) return gate.originals
  const { res } = gate
  const { writeHead, write, end, flushHeaders, destroy } = res
  const originals = { writeHead, write, end, flushHeaders, destroy } as unknown as Originals
  gate.originals = originals
  ;(res as Hooked)[GATE] = gate
  const hooked = res as unknown as Originals
  hooked.writeHead = hooks.writeHead
  hooked.write = hooks.write
  hooked.end = hooks.end
  hooked.flushHeaders = hooks.flushHeaders
  hooked.destroy = hooks.destroy
  return originals
}

/** Takes the hooks off an undecided response and returns the methods below all of them. */
export function takeOver(gate: Gate): RawResponse {
  const raw = rawOf(gate)
  discardHeld(gate)
  letGo(gate)
  return raw
}

/** The methods of a response above all hooks, while nothing is decided; undefined where nobody has wrapped ours. */
export function outermost(gate: Gate): RawResponse | undefined {
  if (gate.phase !== 'waiting' || gate.originals === undefined || !isWrapped(gate)) return undefined
  return boundTo(gate.res, gate.res as unknown as Originals)
}

/** Whether the application has wrapped the methods since they are hooked. */
function isWrapped({ res }: Gate): boolean {
  const hooked = res as unknown as Originals
  return (
    hooked.writeHead !== hooks.writeHead || hooked.write !== hooks.write || hooked.end !== hooks.end
  )
}

/** The methods of a response below all hooks and seals. */
export function rawOf(gate: Gate): RawResponse {
  return boundTo(gate.res, hook(gate))
}

/**
 * Makes everything that the application still writes a no-op. A proxy's late `writeHead` would throw
 * inside an event listener otherwise, and end the process.
 */
export function seal(gate: Gate, phase: 'answering' | 'answered' | 'cut' | 'closed'): void {
  hook(gate)
  gate.phase = phase
  putSeal(gate.res)
}

/**
 * The same behind a head that was replaced while the application wrote it. What it has wrapped around
 * our hooks goes on until there: a session whose cookie is out must be stored.
 */
export function sealBelow(gate: Gate): void {
  const wrapped = wrappedMethods(gate)
  seal(gate, 'answered')
  Object.assign(gate.res, wrapped)
}

/** What the application has wrapped around our hooks, once those that nobody has wrapped are taken off. */
export function wrappedMethods({ res, originals }: Gate): Partial<Originals> {
  const { writeHead, write, end } = res
  const wrapped = Object.entries({ writeHead, write, end } as unknown as Originals).filter(
    ([name, method]) => method !== originals?.[name as Patched],
  )
  return Object.fromEntries(wrapped)
}

/**
 * Puts the originals back. Somebody may have wrapped our function since: what is not ours any more
 * stays where it is. A deleted property would make a slow object of the response.
 */
function restore({ res, originals }: Gate): void {
  if (originals === undefined) return
  const hooked = res as unknown as Originals
  if (hooked.writeHead === hooks.writeHead) hooked.writeHead = originals.writeHead
  if (hooked.write === hooks.write) hooked.write = originals.write
  if (hooked.end === hooks.end) hooked.end = originals.end
  if (hooked.flushHeaders === hooks.flushHeaders) hooked.flushHeaders = originals.flushHeaders
  if (hooked.destroy === hooks.destroy) hooked.destroy = originals.destroy
}

/**
 * Decides about a head that goes out another way than through the response, and cannot be held; true
 * when the response was replaced.
 */
export function decideHead(gate: Gate, head: Head): boolean {
  if (gate.phase !== 'waiting') return isSealed(gate.phase)
  const { answer } = askKeeper(gate, head)
  restore(gate)
  if (answer) give(gate, answer)
  return answer !== undefined
}

/** Does what the keeper wants. */
function decide(gate: Gate, head: Head): void {
  const { answer, checks, stream } = askKeeper(gate, head)
  if (answer === undefined && checks.length > 0) return hold(gate, checks)
  if (answer === undefined && stream)
    return void (gate.stream = new ChangedStream(gate, hook(gate), stream))
  restore(gate)
  if (answer) give(gate, answer)
}

/** Keeps the response back; the hooks stay, for what a wrapper of somebody else hands through. */
function hold(gate: Gate, checks: readonly ResponseCheck[]): void {
  const { res } = gate
  res.statusCode = gate.head?.status ?? res.statusCode
  const { statusCode } = res
  const release = () => {
    letGo(gate)
    stampHead(gate)
    res.statusCode = statusCode
    // What Node refuses of the calls cannot be caught by anybody any more.
    try {
      for (const [name, args] of buffered.calls) call(gate, name, args)
    } catch (cause) {
      gate.keeper.fail(new GatewayError('gateway_error', { cause }))
    }
  }
  const tell = (answer: Answer) => {
    if (gate.held?.buffered === buffered) give(gate, answer ?? release)
  }
  const fail = (error: unknown) => void gate.keeper.fail(error)
  const whole = (body: Buffer) => settle(() => judge(checks, body), tell, fail)
  const refuse = () => {
    buffered.showAsItIs()
    gate.phase = 'waiting'
    gate.held = undefined
  }
  const over = checks.find((check) => check.over)?.over
  const isReleased = () => {
    if (over) give(gate, over)
    else release()
    return over === undefined
  }
  const limit = Math.max(...checks.map((check) => check.limit))
  const buffered = new BufferedResponse(res, limit, { whole, release: isReleased, refuse })
  gate.phase = 'held'
  gate.held = { buffered, checks }
}

/** Ends the holding of what will not be sent; nothing where nothing is held. */
export function discardHeld(gate: Gate): void {
  const { held, res } = gate
  if (held === undefined) return
  letGo(gate)
  if (held.checks[0]) resetHeaders(res, held.checks[0].headers)
  held.buffered.calls.forEach(([, args]) => settleCallback(args))
}

/** Ends the holding and takes the hooks off. */
export function letGo(gate: Gate): void {
  gate.held?.buffered.showAsItIs()
  gate.held = undefined
  if (!isSealed(gate.phase)) gate.phase = 'passed'
  restore(gate)
}

const gateOf = (res: ServerResponse): Gate => (res as Required<Hooked>)[GATE]

/** Runs the decision if none was made, and tells what becomes of a call of the application. */
function decideOnce(
  gate: Gate,
  status: number | undefined,
  args: readonly unknown[] = [],
  body?: readonly unknown[],
): 'passed' | 'held' | 'sealed' {
  if (gate.phase === 'waiting') {
    const { res } = gate
    if (res.headersSent || res.closed) return (restore(gate), 'passed')
    decide(gate, new WrittenHead(status, res, args, body))
  }
  // The decision has changed it.
  const phase = gate.phase as Phase
  if (phase === 'answering') return gate.res.writableEnded ? 'sealed' : 'passed'
  return phase === 'held' || phase === 'passed' ? phase : 'sealed'
}

const call = (gate: Gate, name: Patched, args: readonly unknown[]): unknown =>
  Reflect.apply(hook(gate)[name], gate.res, args)

/** Hands a call on to Node, or to what changes the response on its way. */
const pass = (gate: Gate, name: keyof Stream, args: readonly unknown[]): unknown =>
  gate.stream ? gate.stream[name](args) : sendHead(gate, hook(gate), name, args)

const statusOf = (res: ServerResponse): number => Math.trunc(Number(res.statusCode))

/** @internal */
export const hooks = {
  writeHead(this: ServerResponse, ...args: unknown[]): unknown {
    const gate = gateOf(this)
    const fate = decideOnce(gate, Math.trunc(Number(args[0])), args)
    // A wrapper may hand a head on after that of our answer.
    if (gate.phase === 'answering' && this.headersSent) return this
    if (fate === 'passed') return pass(gate, 'writeHead', args)
    if (gate.held) holdHead(gate, gate.held, args)
    return this
  },
  write(this: ServerResponse, ...args: unknown[]): unknown {
    const gate = gateOf(this)
    // The usual case of a stream, whose hooks stay.
    if (gate.phase === 'passed') return pass(gate, 'write', args)
    const fate = decideOnce(gate, statusOf(this))
    if (fate === 'sealed') return sealed.write.apply(this, args)
    return gate.held?.buffered.write(args) || pass(gate, 'write', args)
  },
  end(this: ServerResponse, ...args: unknown[]): unknown {
    const gate = gateOf(this)
    gate.isEnded = true
    const fate = decideOnce(gate, statusOf(this), [], args)
    if (fate === 'sealed') return (gate.finish?.(), sealed.end.apply(this, args))
    return gate.held?.buffered.end(args) ? this : pass(gate, 'end', args)
  },
  flushHeaders(this: ServerResponse): void {
    const gate = gateOf(this)
    const fate = decideOnce(gate, statusOf(this))
    if (fate === 'passed') pass(gate, 'flushHeaders', [])
    else gate.held?.buffered.flushHeaders()
  },
  destroy(this: ServerResponse, ...args: unknown[]): unknown {
    const gate = gateOf(this)
    const fate = decideOnce(gate, undefined)
    if (fate === 'sealed' || gate.settled) return this
    const answer = gate.held?.checks[0]?.broken(args[0])
    if (answer) return (answer(), this)
    letGo(gate)
    return call(gate, 'destroy', args)
  },
} satisfies Originals
