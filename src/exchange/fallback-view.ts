import type { ServerResponse } from 'node:http'
import type { Gate } from '../response/gate.js'
import type { Unsealed } from '../response/reopen.js'
import { isSealable } from '../response/seal.js'

/** The application may still set these; they are plain properties, so a seal does not stop it. */
const isLine = (key: string | symbol): boolean => key === 'statusCode' || key === 'statusMessage'

/**
 * A view of a response for somebody who answers in place of the application.
 *
 * The application keeps its own reference, and what comes through there must not mix with what comes
 * through here.
 */
export function viewOf({ req, res }: Gate, open: Unsealed): ServerResponse {
  // Methods as the fallback sees and wraps them, and its status line until it is out.
  const own = new Map<string | symbol, unknown>([
    ['statusCode', 200],
    ['statusMessage', ''],
  ])
  const setLine = () => {
    res.statusCode = Number(own.get('statusCode'))
    // HTTP/2 has no reason phrase and warns about it.
    if (req.httpVersionMajor === 1) res.statusMessage = String(own.get('statusMessage'))
  }
  const method = (name: string) =>
    function unsealed(...args: unknown[]): unknown {
      const result = open(() => {
        if (!res.headersSent) setLine()
        return Reflect.apply(Reflect.get(res, name) as () => unknown, res, args)
      })
      return result === res ? view : result
    }
  const view: ServerResponse = new Proxy(res, {
    get(_, key) {
      if (isLine(key) ? res.headersSent : !isSealable(key)) return Reflect.get(res, key, res)
      if (!own.has(key)) own.set(key, method(String(key)))
      return own.get(key)
    },
    set(_, key, value) {
      if (!isLine(key) && !isSealable(key)) return Reflect.set(res, key, value, res)
      own.set(key, value)
      return true
    },
  })
  return view
}
