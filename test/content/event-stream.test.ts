import assert from 'node:assert/strict'
import { eventReader } from '../../src/content/event-reader.js'
import { eventText, type StreamEvent } from '../../src/content/event-stream.js'

const STREAM =
  'event: start\nid: 7\ndata: {"a":"é"}\n\n: still here\ndata: one\ndata: two\n\ndata: cut off'

const EVENTS: readonly StreamEvent[] = [
  { event: 'start', data: '{"a":"é"}', id: '7' },
  { data: '', comment: 'still here' },
  { data: 'one\ntwo' },
]

describe('a stream of events', () => {
  it('is read alike however its bytes are split', () => {
    const bytes = Buffer.from(STREAM)
    for (let at = 0; at <= bytes.length; at++) {
      const events: StreamEvent[] = []
      const reader = eventReader((event) => events.push(event), 100)
      reader.push(bytes.subarray(0, at))
      reader.push(bytes.subarray(at))
      assert.deepEqual(events, EVENTS, `split at ${at}`)
    }
  })

  it('is written as it was read', () => {
    assert.equal(
      EVENTS.map(eventText).join(''),
      'event: start\nid: 7\ndata: {"a":"é"}\n\n: still here\ndata: one\ndata: two\n\n',
    )
  })

  it('ends where an event is larger than the bound', () => {
    const events: StreamEvent[] = []
    const reader = eventReader((event) => events.push(event), 10)
    assert.equal(reader.push(Buffer.from('data: short\n\n')), true)
    assert.equal(reader.push(Buffer.from(`data: ${'x'.repeat(20)}`)), false)
    assert.equal(reader.push(Buffer.from('\n\n')), false)
    assert.deepEqual(events, [{ data: 'short' }])
  })
})
