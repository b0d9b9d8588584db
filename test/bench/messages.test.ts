import assert from 'node:assert/strict'
import { messages } from './messages.js'

const BYTES = Buffer.from(
  'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello' +
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n' +
    'POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n',
)

describe('the messages of the light load and upstream', () => {
  for (const size of [1, 7, BYTES.length])
    it(`are found in pieces of ${size} bytes, each when its body is there`, () => {
      const found: [string, number][] = []
      let at = 0
      const take = messages((head) => found.push([head.split(' ')[0] ?? '', at]))
      for (; at < BYTES.length; at += size) take(BYTES.subarray(at, at + size))
      assert.deepEqual(
        found.map(([word]) => word),
        ['HTTP/1.1', 'GET', 'POST'],
      )
      if (size === 1)
        assert.deepEqual(
          found.map(([, end]) => end + 1),
          [BYTES.indexOf('GET'), BYTES.indexOf('POST'), BYTES.length],
        )
    })
})
