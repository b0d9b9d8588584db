import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { Exchange } from 'good-gateway'
import type { TokenUsage, Translator } from 'good-gateway/llm'

/** One line of the log. Nothing in it comes from a body or a field of the client. */
export interface Line {
  readonly time: string
  readonly method: string
  readonly route: string | undefined
  readonly status: number | undefined
  readonly code: string | undefined
  readonly provider: string | undefined
  readonly ms: number
  /** Where a translator was between. */
  readonly tokens: TokenUsage | undefined
}

/** What good-gateway publishes at the end of each request, as far as it is used here. */
interface RequestEnd {
  readonly exchange: Exchange
  readonly method: string
  readonly route: string | undefined
  readonly status: number | undefined
  readonly code: string | undefined
  readonly upstream: string | undefined
  readonly duration: number | undefined
}

const CHANNEL = 'good-gateway:request:end'

/** Writes a line for each request of this process, and returns how to stop. */
export function logRequests(
  write: (line: Line) => void,
  translators: readonly Translator[],
): () => void {
  const listener = (event: unknown): void => {
    const { exchange, method, route, status, code, upstream, duration } = event as RequestEnd
    const tokens = translators.map((each) => each.usage(exchange)).find((usage) => usage)
    const ms = Math.round(duration ?? 0)
    write({
      time: new Date().toISOString(),
      method,
      route,
      status,
      code,
      provider: upstream,
      ms,
      tokens,
    })
  }
  subscribe(CHANNEL, listener)
  return () => void unsubscribe(CHANNEL, listener)
}
