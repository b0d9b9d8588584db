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

const texts: readonly { readonly size: string; readonly text: string; readonly ratio: number }[] = [
  { size: '150 bytes', text: orderOf(150), ratio: 1.3 },
  { size: '10 KB', text: orderOf(10_000), ratio: 1.3 },
  { size: '1 MB', text: orderOf(1_000_000), ratio: 1.3 },
  {
    size: 'one string of 5 MB',
    text: JSON.stringify({ text: 'word '.repeat(1_000_000) }),
    ratio: 1.1,
  },
]

answer({
  compare: (times: number): Comparison[] =>
    texts.map(({ size, text, ratio }) => ({
      what: `JSON, ${size}`,
      against: 'JSON.parse',
      limit: { ratio },
      ...compare(text, times),
    })),
})

function compare(made: string, times: number): Pick<Comparison, 'measured' | 'reference'> {
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
  return { measured, reference }
}

/** Microseconds of processor time for each call. */
function cpuOf(parse: () => unknown, length: number): number {
  const calls = Math.ceil(BATCH / length)
  const before = process.cpuUsage()
  for (let call = 0; call < calls; call += 1) parse()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / calls
}
