import type { Code } from '../errors/codes.js'
import { codeOf } from './finding.js'

/** Everything that came back for one request. */
export interface Answer {
  readonly method: string
  /** The status, once its head has come. */
  readonly status: number | undefined
  readonly reason: string
  readonly version: string
  /** Names and values in turns, as they came. */
  readonly rawHeaders: readonly string[]
  /** Interim statuses before the head. */
  readonly interim: readonly number[]
  /** As much of the body as is kept. */
  readonly body: Buffer
  /** Bytes of the body that came. */
  readonly bodyBytes: number
  /** Whether the whole of it has come. */
  readonly complete: boolean
  /** When parts of the body came, with the bytes that were there then. */
  readonly arrivals: readonly Arrival[]
  /** The first bytes of the connection that are of this answer. */
  readonly firstBytes: Buffer
  /** Milliseconds until the head, and until the end; undefined where it did not come. */
  readonly headMs: number | undefined
  readonly ms: number
  /** Milliseconds of silence before this side stopped waiting. */
  readonly silentMs: number
  /** Whether this side stopped to wait, or to read. */
  readonly late: boolean
  /** Whether its connection had been used before. */
  readonly reused: boolean
  /** What broke it, or came after its end. */
  readonly error: unknown
}

/** A part of a body. */
export interface Arrival {
  /** Milliseconds since the request. */
  readonly ms: number
  /** Bytes of the body so far. */
  readonly bytes: number
}

/** All values of a field, in their order. */
export function valuesOf({ rawHeaders }: Pick<Answer, 'rawHeaders'>, name: string): string[] {
  return rawHeaders.filter(
    (_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === name,
  )
}

/** The first value of a field; undefined when it is not there. */
export const valueOf = (answer: Pick<Answer, 'rawHeaders'>, name: string): string | undefined =>
  valuesOf(answer, name)[0]

/** Whether an answer is a stream of server-sent events. */
export const isEventStream = (answer: Pick<Answer, 'rawHeaders'>): boolean =>
  /^text\/event-stream(?:[;\s]|$)/i.test(valueOf(answer, 'content-type') ?? '')

/** The code of what broke an answer; undefined when nothing did. */
export function breakOf(answer: Answer): Code | undefined {
  const { status, error, late } = answer
  if (status === undefined) return late ? 'upstream_timeout' : codeOf(error)
  if (status === 101) return 'upstream_upgrade_failed'
  if (status < 200 || status > 599) return 'upstream_protocol_error'
  if (error !== undefined) {
    const code = codeOf(error)
    return code === 'upstream_connection_lost' ? 'upstream_response_incomplete' : code
  }
  // Events come when there are some.
  return hasStopped(answer) && !isEventStream(answer) ? 'upstream_idle_timeout' : undefined
}

/** Whether a body has stopped before its end, and is not only long: half of the wait without a byte. */
export const hasStopped = ({
  late,
  silentMs,
  ms,
  headMs = 0,
}: Pick<Answer, 'late' | 'silentMs' | 'ms' | 'headMs'>): boolean =>
  late && silentMs * 2 > ms - headMs
