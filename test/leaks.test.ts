import assert from 'node:assert/strict'
import { createServer, request } from 'node:http'
import { listener, problemDetails, type ProblemDetailsOptions } from 'good-gateway'
import { watch } from './support/leaks.js'
import { listen, nobody } from './support/servers.js'

describe('the watch for leaks', () => {
  /** A gateway whose bodies say what the test wants, in front of a port where nothing listens. */
  async function leaksOf(
    format: (cause: Error & { port?: number }) => string,
    headers: Record<string, string> = {},
  ): Promise<string[]> {
    let cause = new Error('never called')
    const options: ProblemDetailsOptions = {
      onError: (error) => (cause = error.cause as Error),
      format: () => ({ contentType: 'text/plain', body: format(cause) }),
    }
    const gateway = await listen(
      createServer(
        listener(problemDetails(options), (_req, res) => {
          for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
          request(`${nobody.url}/hidden/path?hidden=query`)
            .once('error', () => res.writeHead(500).end())
            .end()
        }),
      ),
    )
    const before = watch.answers
    await (await fetch(gateway.url)).text()
    await gateway.close()
    assert.equal(watch.answers, before + 1)
    return watch.take().map(({ what }) => what.replace(/\d{4,5}/, 'N'))
  }

  it('finds nothing in an answer that shows nothing', async () => {
    assert.deepEqual(await leaksOf(() => 'The upstream failed.'), [])
  })

  const shown: [string, (cause: Error & { port?: number }) => string, string][] = [
    ['the host', () => 'from 127.0.0.1', 'host 127.0.0.1'],
    ['the port', ({ port }) => `port ${port}.`, 'port N'],
    ['the path', () => 'at /hidden/path', 'path /hidden/path'],
    ['the query', () => 'with hidden=query', 'query hidden=query'],
    ['the message', ({ message }) => message, 'message connect ECONNREFUSED 127.0.0.1:N'],
    ['a code', () => 'code ECONNREFUSED', '"ECONNREFUSED"'],
    ['a stack', ({ stack = '' }) => stack.split('\n')[1] ?? '', '"at'],
  ]
  for (const [title, format, expected] of shown) {
    it(`finds ${title} in a body`, async () => {
      const leaks = await leaksOf(format)
      assert.ok(
        leaks.some((leak) => leak.startsWith(expected)),
        leaks.join(', '),
      )
    })
  }

  it('finds a leak in a header field', async () => {
    assert.deepEqual(await leaksOf(() => '', { 'X-Upstream': '/hidden/path' }), [
      'path /hidden/path',
    ])
  })
})
