import assert from 'node:assert/strict'
import zlib from 'node:zlib'
import { describe, it } from 'mocha'
import { parseBody, refuseHead } from '../../src/validation/body.js'
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
    it(`${coding} is decoded into a copy`, async () => {
      const before = Buffer.from(bytes)
      assert.deepEqual(await decodeContent(bytes, coding.toUpperCase(), 100), TEXT)
      assert.deepEqual(bytes, before)
    })

    it(`${coding} that is broken, truncated or followed by more bytes is malformed`, async () => {
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

  it('zstd is decoded where Node supports it', async function () {
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

  it('may expand to the limit and no further, however long the decoded body would be', async () => {
    assert.equal((await decodeContent(coded.gzip, 'gzip', TEXT.length)).length, TEXT.length)
    await assert.rejects(decodeContent(coded.gzip, 'gzip', TEXT.length - 1), {
      code: 'content_too_large',
    })
    const bomb = zlib.gzipSync(Buffer.alloc(50_000_000))
    await assert.rejects(decodeContent(bomb, 'gzip', 1_000_000), { code: 'content_too_large' })
  })
})

describe('the bytes of a body', () => {
  const rules = { limit: 1000, contentType: ['application/json'], maxDepth: 64 }
  const head = (encoding?: string) => ({
    headers: encoding === undefined ? {} : { 'content-encoding': encoding },
    rawHeaders: ['Content-Type', 'application/json'],
  })

  it('become a value, compressed or not', async () => {
    assert.deepEqual(await parseBody(TEXT, head(), rules), { a: [1, 2, 3] })
    assert.deepEqual(await parseBody(coded.br, head('br'), rules), { a: [1, 2, 3] })
  })

  it('count as a missing body when they are blank, compressed or not', async () => {
    for (const [bytes, encoding] of [
      [Buffer.from(' \r\n\t'), undefined],
      [zlib.gzipSync(''), 'gzip'],
    ] as const)
      await assert.rejects(parseBody(bytes, head(encoding), rules), {
        code: 'request_invalid',
        options: {
          errors: [{ in: 'body', pointer: '#', code: 'required', detail: 'A body is required.' }],
        },
      })
  })

  it('are refused by the header fields before they are read', () => {
    assert.equal(refuseHead(head(), rules), undefined)
    assert.equal(refuseHead(head('lzma'), rules)?.code, 'unsupported_content_encoding')
    assert.equal(refuseHead({ ...head(), rawHeaders: [] }, rules)?.code, 'unsupported_media_type')
  })
})
