import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { type ErrorInfo, listener, problemDetails } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { problemIn } from '../../support/problem.js'
import { getLine, sendRaw } from '../../support/raw-client.js'
import { listen } from '../../support/servers.js'

/** The body that a client gets, and what the log is told. */
async function wrapped(status: number, fields: Record<string, string>, body: string) {
  const upstream = await listen(
    createServer((_req, res) => void res.writeHead(status, fields).end(body)),
  )
  let told: ErrorInfo | undefined
  const options = {
    upstreamErrors: 'wrap',
    onError: (_error: unknown, info: ErrorInfo) => void (told = info),
  } as const
  const forward = createForward()
  const gateway = await listen(
    createServer(listener(problemDetails(options), (req, res) => forward(req, res, upstream.url))),
  )
  const received = await sendRaw(gateway.port, getLine('/orders'))
  await gateway.close()
  await upstream.close()
  return { problem: problemIn(received), text: received.text, reason: told?.error?.message }
}

describe('a wrapped answer of Amazon’s own', () => {
  const cases: [string, number, Record<string, string>, RegExp][] = [
    [
      'API Gateway, for a function that answered wrongly',
      502,
      { 'x-amzn-ErrorType': 'InternalServerErrorException', 'x-amz-apigw-id': 'JJbxmplHYosFVYQ=' },
      /^Amazon API Gateway answered 502: .*returns \{ statusCode, headers, body \}/,
    ],
    [
      'an HTTP API, for an integration that took too long',
      504,
      { 'apigw-requestid': 'JKJaXmPLvHcESHA=' },
      /^Amazon API Gateway answered 504: .*29 s/,
    ],
    [
      'a load balancer whose target closed the connection',
      502,
      { Server: 'awselb/2.0', 'Content-Type': 'text/html' },
      /^An Amazon load balancer answered 502: .*keep-alive/,
    ],
    ['a load balancer without targets', 503, { Server: 'awselb/2.0' }, /no target/],
  ]
  for (const [title, status, fields, reason] of cases) {
    it(`is explained to the log, and not to the client: ${title}`, async () => {
      const seen = await wrapped(status, fields, '{"message":"Internal server error"}')
      assert.equal(seen.problem.status, status)
      assert.match(seen.reason ?? '', reason)
      assert.doesNotMatch(seen.text, /Amazon/)
    })
  }

  it('is none where the function itself has answered, or another server', async () => {
    assert.equal((await wrapped(502, {}, 'oops')).reason, undefined)
    assert.equal((await wrapped(501, { Server: 'awselb/2.0' }, 'what?')).reason, undefined)
  })
})
