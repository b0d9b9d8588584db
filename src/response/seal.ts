import type { ServerResponse } from 'node:http'
import { settleCallback } from './buffered.js'

/** A method of a response that does nothing any more. */
export const ignore = function (this: ServerResponse) {
  return this
}

/** What a response does for the application after the gateway has answered in its place. */
export const sealed = {
  writeHead: ignore,
  setHeader: ignore,
  setHeaders: ignore,
  appendHeader: ignore,
  removeHeader: ignore,
  addTrailers: ignore,
  flushHeaders: ignore,
  // What has been answered is still on its way.
  destroy: ignore,
  write(...args: unknown[]): boolean {
    settleCallback(args)
    return true
  },
  end(this: ServerResponse, ...args: unknown[]): unknown {
    settleCallback(args)
    return this
  },
}

/** Puts the seal on a response; one store after the other is quicker than a copy of the object. */
export function putSeal(res: ServerResponse): void {
  const own = res as unknown as Record<keyof typeof sealed, unknown>
  own.writeHead = ignore
  own.setHeader = ignore
  own.setHeaders = ignore
  own.appendHeader = ignore
  own.removeHeader = ignore
  own.addTrailers = ignore
  own.flushHeaders = ignore
  own.destroy = ignore
  own.write = sealed.write
  own.end = sealed.end
}

const SEALED: ReadonlySet<string | symbol> = new Set(Object.keys(sealed))

/** Whether a seal replaces this member of a response. */
export const isSealable = (name: string | symbol): name is string => SEALED.has(name)

/** Lets the fields of a sealed response be set again; the methods that write stay sealed. */
export function unseal(res: ServerResponse): void {
  const own = res as unknown as Record<string, unknown>
  const below = Object.getPrototypeOf(res) as Record<string, unknown>
  for (const name of SETTERS) if (own[name] === ignore) own[name] = below[name]
}

const SETTERS = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader']
