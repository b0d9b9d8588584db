import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { describe, it } from 'mocha'
import { decodeContent, refuseEncoding } from '../../src/content/encoding.js'

const TEXT = Buffer.from('{"a":[1,2,3]}')
const coded = {
  gzip: zlib.gzipSync(TEXT),
  'x-gzip': zlib.gzipSync(TEXT),
  deflate: zlib.deflateSync(TEXT),
  br: zlib.brotliCompressSync(TEXT),
}

describe('the Content-Encoding of a request', () => {
  for (const [coding, bytes] of Object.entries(coded)) {
    it(`${coding} is undone into a copy`, async () => {
      const before = Buffer.from(bytes)
      assert.deepEqual(await decodeContent(bytes, coding.toUpperCase(), 100), TEXT)
      assert.deepEqual(bytes, before)
    })

    it(`${coding} that is broken, cut short or followed by more is malformed`, async () => {
      for (const bad of [
        Buffer.from('not compressed'),
        bytes.subarray(0, -3),
        Buffer.concat([bytes, Buffer.alloc(3)]),
        Buffer.concat([bytes, Buffer.from('{}')]),
      ])
        await assert.rejects(decodeContent(bad, coding, 100), {
          code: 'request_malformed',
          message: `The body is not valid ${coding}.`,
        })
    })
  }

  it('zstd is undone where Node can', async function () {
    const compress: unknown = Reflect.get(zlib, 'zstdCompressSync')
    if (typeof compress !== 'function') {
      assert.equal(refuseEncoding('zstd')?.code, 'unsupported_content_encoding')
      return
    }
    const bytes = Reflect.apply(compress, zlib, [TEXT]) as Buffer
    assert.deepEqual(await decodeContent(bytes, 'zstd', 100), TEXT)
  })

  it('leaves the bytes as they are when it is absent, empty or identity', async () => {
    for (const field of [undefined, '', ' Identity ']) {
      assert.equal(refuseEncoding(field), undefined)
      assert.equal(await decodeContent(TEXT, field, 5), TEXT)
    }
  })

  it('is refused when it is unknown or more than one', () => {
    for (const field of ['compress', 'gzip, gzip', 'gzip, identity', 'aws-chunked', 'toString']) {
      const error = refuseEncoding(field)
      assert.equal(error?.code, 'unsupported_content_encoding')
      assert.match(error.headers['Accept-Encoding'] ?? '', /^gzip, deflate, br(, zstd)?$/)
    }
  })

  it('is one member of gzip only, which all readers take for the whole', async () => {
    const empty = zlib.gzipSync('')
    for (const bytes of [
      Buffer.concat([coded.gzip, coded.gzip]),
      Buffer.concat([empty, coded.gzip]),
      Buffer.concat([coded.gzip, empty]),
      Buffer.concat([coded.gzip, Buffer.alloc(4)]),
    ])
      await assert.rejects(decodeContent(bytes, 'gzip', 1000), { code: 'request_malformed' })
  })

  it('may have all parts of a header of gzip, and must have its sum', async () => {
    const body = coded.gzip.subarray(10)
    const head = (flags: number, ...more: number[]): Buffer =>
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3, ...more]), body])
    for (const whole of [
      head(4, 2, 0, 7, 7),
      head(8, 65, 0),
      head(24, 65, 0, 66, 0),
      head(31, 1, 0, 9, 65, 0, 66, 0, 1, 2),
    ])
      assert.deepEqual(await decodeContent(whole, 'gzip', 1000), TEXT)
    const wrongSum = Buffer.from(coded.gzip)
    wrongSum[wrongSum.length - 8]! ^= 1
    const cut = coded.gzip.subarray(0, -1)
    for (const broken of [head(32), head(4, 255, 255), head(8), wrongSum, cut, Buffer.from('x')])
      await assert.rejects(decodeContent(broken, 'gzip', 1000), { code: 'request_malformed' })
  })

  it('may expand to the limit and no further, however much it would become', async () => {
    assert.equal((await decodeContent(coded.gzip, 'gzip', TEXT.length)).length, TEXT.length)
    await assert.rejects(decodeContent(coded.gzip, 'gzip', TEXT.length - 1), {
      code: 'content_too_large',
    })
    const bomb = zlib.gzipSync(Buffer.alloc(50_000_000))
    await assert.rejects(decodeContent(bomb, 'gzip', 1_000_000), { code: 'content_too_large' })
  })
})
