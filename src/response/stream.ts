import type { OutgoingHttpHeaders } from 'node:http'
import type { Gate } from './gate.js'
import { seal, takeOver } from './hooks.js'
import type { RawResponse } from './raw.js'

/**
 * Begins a stream of the gateway's own, below all that the application has put on the response: a
 * compressor would keep what is to be seen at once. Its client may leave at any time and has missed nothing.
 */
export function beginStream(gate: Gate, headers: OutgoingHttpHeaders): RawResponse {
  const out = takeOver(gate)
  out.writeHead(200, headers)
  seal(gate, 'answered')
  return out
}
