// The process that compares the parser that refuses ambiguous JSON with JSON.parse.
import process from 'node:process'
import { parseJson } from '../../src/content/json.js'
import { decodeUtf8 } from '../../src/content/utf8.js'
import { answer } from './child.js'
import type { Comparison } from './comparison.js'
import { orderOf } from './orders.js'

const MAX_DEPTH = 64
/** Bytes that are parsed between two looks at the clock. */
const BATCH = 8_000_000

const texts: Record<string, string> = {
  '150 bytes': orderOf(150),
  '10 KB': orderOf(10_000),
  '1 MB': orderOf(1_000_000),
  'one string of 5 MB': JSON.stringify({ text: 'word '.repeat(1_000_000) }),
}

answer({
  compare: (times: number) =>
    Object.entries(texts).map(([size, text]) => compare(size, text, times)),
})

function compare(size: string, made: string, times: number): Comparison {
  // Both begin with the bytes, as they come from a socket.
  const bytes = Buffer.from(made)
  const measured: number[] = []
  const reference: number[] = []
  for (let time = -1; time < times; time += 1) {
    const native = cpuOf(() => JSON.parse(bytes.toString()), bytes.length)
    const own = cpuOf(() => parseJson(decodeUtf8(bytes), MAX_DEPTH), bytes.length)
    // The first time is for the compiler of V8.
    if (time < 0) continue
    reference.push(native)
    measured.push(own)
  }
  return { what: `JSON, ${size}`, against: 'JSON.parse', measured, reference }
}

/** Microseconds of processor time for each call. */
function cpuOf(parse: () => unknown, length: number): number {
  const calls = Math.ceil(BATCH / length)
  const before = process.cpuUsage()
  for (let call = 0; call < calls; call += 1) parse()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}
