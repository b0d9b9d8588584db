import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { eventReader } from '../../src/content/event-reader.js'
import { eventText, type StreamEvent } from '../../src/content/event-stream.js'
import { GatewayError } from '../../src/errors/gateway-error.js'
import type { Exchange } from '../../src/exchange/exchange.js'
import type { Translator } from '../../src/llm.js'
import { EventsChanger } from '../../src/transform/events.js'
import type { Change, EventsTransform, Transformer } from '../../src/transform/types.js'

/** A translator at work on one call, without a server. */
export interface OneCall {
  readonly exchange: Exchange
  readonly transformer: Transformer
}

/** Begins the translation of one call. */
export function begin(translator: Translator): OneCall {
  // Nothing of the exchange is read: it only holds the field of the translator.
  const exchange = {} as Exchange
  return { exchange, transformer: translator(exchange) }
}

/** What becomes of a request. */
export function translateRequest(
  { transformer }: OneCall,
  body: unknown,
  { path = '/v1/chat/completions', headers = {} as IncomingHttpHeaders, method = 'POST' } = {},
): Change & { readonly body: Record<string, unknown> } {
  const bytes = Buffer.from(JSON.stringify(body))
  const json = (): unknown => JSON.parse(bytes.toString())
  const change = transformer.request?.({ method, path, params: {}, headers, bytes, json })
  assert.ok(change && !(change instanceof Promise))
  return change as Change & { readonly body: Record<string, unknown> }
}

/** What becomes of a response. */
export function translateResponse(
  { transformer }: OneCall,
  body: unknown,
  { status = 200, headers = {} as IncomingHttpHeaders } = {},
): Change & { readonly body: Record<string, unknown> } {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const json = (): unknown => JSON.parse(text)
  const change = transformer.response?.({ status, headers, bytes: Buffer.from(text), json })
  assert.ok(change && !(change instanceof Promise))
  return change as Change & { readonly body: Record<string, unknown> }
}

/** The translation of a stream. */
export function eventsOf(
  { transformer }: OneCall,
  headers: IncomingHttpHeaders = {},
): EventsTransform {
  const events = transformer.events?.({ status: 200, headers })
  assert.ok(events)
  return events
}

/** The text of a translated stream whose bytes come in these pieces. */
export function translateStream(call: OneCall, pieces: readonly Uint8Array[]): string {
  const changer = new EventsChanger(eventsOf(call), { limit: 1e6, upstream: undefined })
  const text = pieces.map((piece) => changer.push(piece)).join('') + changer.end()
  if (changer.failure) throw changer.failure
  return text
}

/** The events in a text. */
export function readEvents(text: string): StreamEvent[] {
  const events: StreamEvent[] = []
  eventReader((event) => events.push(event), 1e6).push(Buffer.from(text))
  return events
}

/** The data of events as JSON, without comments and `[DONE]`. */
export function dataOf(events: Iterable<StreamEvent>): Record<string, unknown>[] {
  return [...events]
    .filter(({ comment, data }) => comment === undefined && data !== '[DONE]')
    .map(({ data }) => JSON.parse(data) as Record<string, unknown>)
}

/** The lines of a recorded stream. */
export function recorded(name: string): string[] {
  const file = new URL(`../transform/llm/streams/${name}`, import.meta.url)
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
}

/** A recorded stream as a server sends it. */
export function recordedStream(name: string): Buffer {
  const lines = recorded(name)
  if (name.startsWith('oa-'))
    return Buffer.from([...lines, '[DONE]'].map((data) => eventText({ data })).join(''))
  const events = lines.map((data) => ({ event: (JSON.parse(data) as { type: string }).type, data }))
  return Buffer.from(events.map(eventText).join(''))
}

/** Asserts that something is refused with this code, and where. */
export function assertRefused(run: () => unknown, code: string, pointer?: string): void {
  assert.throws(run, (error) => {
    assert.ok(GatewayError.is(error), String(error))
    assert.equal(error.code, code)
    if (pointer !== undefined) assert.equal(error.options.errors?.[0]?.pointer, pointer)
    return true
  })
}
