/*
 * What the translation itself costs, without a server: `npx tsx test/bench/llm.ts`. Times are those of
 * the processor, the least of several rounds.
 */
import { anthropicToOpenai, openaiToAnthropic, type Translator } from '../../src/llm.js'
import type { StreamEvent } from '../../src/content/event-stream.js'
import { begin, eventsOf, recordedStream, readEvents, translateRequest } from '../support/llm.js'

const ROUNDS = 15

/** Microseconds of processor time for one of `count` runs, the least of all rounds. */
function microseconds(count: number, run: () => void): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const start = process.cpuUsage()
    for (let at = 0; at < count; at++) run()
    const { user, system } = process.cpuUsage(start)
    return (user + system) / count
  })
  return Math.min(...times)
}

const print = (what: string, value: number, of: string): void =>
  console.log(`${what.padEnd(56)} ${value.toFixed(2)} µs ${of}`)

function measureStream(
  translator: Translator,
  name: string,
  path: string,
  max_tokens?: number,
): void {
  const events: readonly StreamEvent[] = readEvents(recordedStream(name).toString())
  const messages = [{ role: 'user', content: 'x' }]
  const whole = microseconds(200, () => {
    const call = begin(translator)
    translateRequest(call, { model: 'm', max_tokens, messages }, { path })
    const transform = eventsOf(call)
    for (const event of events) transform.push(event)
    transform.end()
  })
  print(`${name}, ${events.length} events`, whole / events.length, 'per event')
}

const text = 'The quick brown fox jumps over the lazy dog. '
const kilobyte = {
  model: 'm',
  max_tokens: 5,
  messages: [{ role: 'user', content: text.repeat(20) }],
}
const OPENAI = '/v1/chat/completions'
const ANTHROPIC = '/v1/messages'

for (const name of ['anthropic-text.chunks.txt', 'anthropic-json-output-format.1.chunks.txt'])
  measureStream(openaiToAnthropic(), name, OPENAI)
for (const name of ['oa-deepseek-tool-call.chunks.txt', 'oa-xai-tool-call.chunks.txt'])
  measureStream(anthropicToOpenai(), name, ANTHROPIC, 5)

for (const [translator, path] of [
  [openaiToAnthropic(), OPENAI],
  [anthropicToOpenai(), ANTHROPIC],
] as const) {
  const parsed = JSON.stringify(kilobyte)
  const plain = microseconds(2000, () => void JSON.stringify(JSON.parse(parsed)))
  const translated = microseconds(2000, () => {
    JSON.stringify(translateRequest(begin(translator), kilobyte, { path }).body)
  })
  // Both have parsed and written it; the test's own copy of the request is one more text.
  print(`request of 1 KB for ${path}`, translated - plain, 'more than to parse and write it')
}
