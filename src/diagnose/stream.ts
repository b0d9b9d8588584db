import { type ErrorBody, errorIn } from './error-body.js'
import { fault, type Finding, note, warning } from './finding.js'
import { isMembers, jsonIn, textAt } from './json-value.js'
import { clause, counted, oneLine, quoted, timeIn } from './words.js'
import { type Answer, hasStopped } from './received.js'

/** One event of a stream of server-sent events. */
interface ServerEvent {
  readonly event: string
  readonly data: string
}

/** What a stream has shown. */
export interface Streamed {
  readonly findings: readonly Finding[]
  /** The error that came as an event. */
  readonly error: ErrorBody | undefined
  readonly facts: Readonly<Record<string, unknown>>
}

/** What of an answer a stream is read from. */
type StreamAnswer = Pick<
  Answer,
  'body' | 'ms' | 'arrivals' | 'headMs' | 'late' | 'silentMs' | 'complete'
>

/** Silence within a stream that some gateway on the way may not wait for. */
const LONG_GAP = 15_000
/** Events that all come within this time, after a wait, were held back by somebody. */
const BURST = 50
const HELD = 1000

/** What a kind of stream must end with, by what its events look like. */
const ENDS: readonly {
  readonly kind: string
  readonly end: string
  is(event: ServerEvent): boolean
  ends(event: ServerEvent): boolean
}[] = [
  {
    kind: 'a stream of chat completions',
    end: 'data: [DONE]',
    is: ({ data }) => data.includes('"chat.completion.chunk"'),
    ends: ({ data }) => data.trim() === '[DONE]',
  },
  {
    kind: 'a stream of messages of Anthropic',
    end: 'message_stop',
    is: ({ event }) => event === 'message_start',
    ends: ({ event }) => event === 'message_stop',
  },
  {
    kind: 'a stream of responses of OpenAI',
    end: 'response.completed',
    is: ({ event }) => event === 'response.created',
    ends: ({ event }) => /^response\.(?:completed|failed|incomplete)$/.test(event),
  },
]

/** Reads the events of a stream: how many, the silences, an error among them, and its end. */
export function readStream(answer: StreamAnswer, broken: boolean): Streamed {
  const events = eventsIn(answer.body.toString())
  const gap = longestGap(answer)
  const error = events.map(errorOf).find((found) => found !== undefined)
  const findings = [
    note(`${counted(events.length, 'event')}, longest silence ${timeIn(gap)}`),
    ...(error ? [errorFinding(error)] : []),
    ...(error || broken ? [] : endFindings(answer, events)),
    ...(gap >= LONG_GAP ? [longGap(gap)] : []),
    ...heldBack(answer, events.length),
  ]
  return { findings, error, facts: { events: events.length, longest_silence_ms: gap } }
}

/** A stream of a known kind has an end of its own; the others may go on for ever. */
function endFindings(answer: StreamAnswer, events: readonly ServerEvent[]): Finding[] {
  const kind = ENDS.find(({ is }) => events.some(is))
  if (kind !== undefined && events.some(kind.ends)) return []
  const goesOn = answer.late && (kind === undefined || !hasStopped(answer))
  if (goesOn) return [note('it has not ended so far')]
  return kind === undefined ? [] : [missingEnd(kind, answer)]
}

/** Events as the HTML standard parses them. */
function eventsIn(text: string): ServerEvent[] {
  return text
    .replace(/^\uFEFF/, '')
    .replace(/\r\n?/g, '\n')
    .split('\n\n')
    .map(eventOf)
    .filter((event) => event !== undefined)
}

function eventOf(block: string): ServerEvent | undefined {
  let event = ''
  const data: string[] = []
  for (const line of block.split('\n')) {
    const [, name, value = ''] = /^([^:]*)(?:: ?(.*))?$/.exec(line) ?? []
    if (name === 'event') event = value
    if (name === 'data') data.push(value)
  }
  return data.length === 0 ? undefined : { event, data: data.join('\n') }
}

/** An event named `error`, or data that is an error in one of the formats. */
function errorOf({ event, data }: ServerEvent): ErrorBody | undefined {
  const value = jsonIn(data)
  const marked = event === 'error' || textAt(value, 'type') === 'error'
  if (!marked && !(isMembers(value) && isMembers(value['error']))) return undefined
  const found = errorIn(value)
  if (found !== undefined || !marked) return found
  return {
    format: 'a form of its own',
    message: data,
    said: undefined,
    code: undefined,
    requestId: undefined,
    ours: false,
    issues: [],
  }
}

function errorFinding({ code, message = '', said, ours }: ErrorBody): Finding {
  const from = ours ? ' of good-gateway' : ''
  const name = said === undefined ? '' : ` ${oneLine(said)}:`
  return fault(
    code ?? 'upstream_error',
    `the stream has an error event${from}:${name} ${clause(message)}`,
    {
      telling: true,
    },
  )
}

function missingEnd(
  kind: { kind: string; end: string },
  { late, silentMs }: StreamAnswer,
): Finding {
  if (late)
    return fault(
      'upstream_idle_timeout',
      `${kind.kind} fell silent for ${timeIn(silentMs)} before its ${quoted(kind.end)}`,
      { fix: 'If it only takes long, ask again with a longer --timeout.' },
    )
  return fault(
    'upstream_response_incomplete',
    `${kind.kind} ended without its ${quoted(kind.end)}: clients take the part for the whole`,
  )
}

const longGap = (gap: number): Finding =>
  warning(
    `the stream was silent for ${timeIn(gap)}: gateways on the way may give up sooner`,
    'Send a comment (":" and a line end) while there is nothing to say.',
  )

function longestGap({ arrivals, headMs = 0, late, silentMs }: StreamAnswer): number {
  const times = [headMs, ...arrivals.map(({ ms }) => ms)]
  const gaps = times.slice(1).map((ms, index) => ms - (times[index] ?? ms))
  return Math.max(0, late ? silentMs : 0, ...gaps)
}

/** What is written piece by piece and arrives at once was collected on the way. */
function heldBack({ arrivals, headMs = 0 }: StreamAnswer, events: number): Finding[] {
  const [first, last] = [arrivals[0]?.ms ?? 0, arrivals.at(-1)?.ms ?? 0]
  if (events < 3 || last - first > BURST || Math.max(headMs, first) < HELD) return []
  return [
    warning(
      `all ${events} events came at once after ${timeIn(first)}: something on the way collects them`,
      'Switch off buffering and compression for this route (X-Accel-Buffering: no, no-transform).',
    ),
  ]
}
