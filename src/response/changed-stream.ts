import type { ServerResponse } from 'node:http'
import { isFull } from '../content/framing.js'
import { bytesOf, settleCallback } from './buffered.js'
import { type Gate, isSealed, type Originals, type Patched, type Stream } from './gate.js'
import type { StreamChange } from './head.js'
import { sealed } from './seal.js'
import { sendHead } from './send-head.js'

/**
 * Stands between the application that writes a response and Node, and changes the bytes on their way.
 * Back-pressure stays that of Node: `write` returns what Node says, and callbacks are Node's.
 */
export class ChangedStream implements Stream {
  readonly #gate: Gate
  readonly #originals: Originals
  readonly #change: StreamChange

  constructor(gate: Gate, originals: Originals, change: StreamChange) {
    this.#gate = gate
    this.#originals = originals
    this.#change = change
    change.head.applyTo(gate.res)
    gate.head = change.head
  }

  writeHead(args: readonly unknown[]): unknown {
    // A second head is Node's to refuse.
    if (this.#gate.res.headersSent) return this.#call('writeHead', args)
    this.#begin()
    return this.#gate.res
  }

  flushHeaders(): void {
    this.#begin()
    if (!isSealed(this.#gate.phase)) this.#call('flushHeaders', [])
  }

  write(args: readonly unknown[]): unknown {
    const { res } = this.#gate
    const bytes = res.writableEnded ? undefined : bytesOf(args[0], args[1])
    // What is no chunk, or comes too late, is Node's to refuse.
    if (bytes === undefined) return this.#call('write', args)
    this.#send(this.#change.push(bytes), args)
    if (this.#change.isBroken) this.#change.breakOff()
    return !isFull(res)
  }

  end(args: readonly unknown[]): unknown {
    const { res } = this.#gate
    const bytes = bytesOf(args[0], args[1])
    const isNone = typeof args[0] === 'function' || args[0] === undefined || args[0] === null
    if (res.writableEnded || (bytes === undefined && !isNone)) return this.#call('end', args)
    const change = this.#change
    let text = bytes === undefined ? '' : change.push(bytes)
    if (!change.isBroken) text += change.end()
    if (!change.isBroken) this.#begin()
    else {
      this.#send(text, args)
      change.breakOff()
    }
    // It was broken off, or Node has refused the head.
    if (isSealed(this.#gate.phase)) return sealed.end.apply(res, [])
    return this.#call('end', [text, 'utf8', ...callbacksIn(args)])
  }

  #send(text: string, args: readonly unknown[]): void {
    if (text !== '') this.#begin()
    if (text === '' || isSealed(this.#gate.phase)) settleCallback(args)
    else this.#call('write', args.length === 1 ? [text] : [text, 'utf8', ...callbacksIn(args)])
  }

  /** Sends the head, where it is not out and nothing was answered instead. */
  #begin(): void {
    const { res, phase } = this.#gate
    if (res.headersSent || isSealed(phase)) return
    sendHead(this.#gate, this.#originals, 'writeHead', [res.statusCode])
  }

  #call(name: Patched, args: readonly unknown[]): unknown {
    return Reflect.apply(this.#originals[name], this.#gate.res satisfies ServerResponse, args)
  }
}

const callbacksIn = (args: readonly unknown[]): readonly unknown[] =>
  args.filter((arg) => typeof arg === 'function')
