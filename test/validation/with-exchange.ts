import { once } from 'node:events'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Exchange, exchangeOf } from '../../src/exchange/exchange.js'

/** A request to send: as it is written, GET without a body by default. */
export interface Sent {
  readonly method?: string
  readonly path?: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly body?: string | Buffer
}

/** Sends one real request and runs a function on its exchange, whose error comes back. */
export async function withExchange(
  { body, ...options }: Sent,
  work: (exchange: Exchange) => Promise<void>,
): Promise<void> {
  let failure: unknown
  const server = http.createServer((req, res) => {
    work(exchangeOf({ req, res }))
      .catch((error: unknown) => (failure = error))
      .finally(() => res.setHeader('Connection', 'close').end())
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const request = http.request({ port, host: '127.0.0.1', ...options }).end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  await once(response.resume(), 'close')
  await new Promise((resolve) => server.close(resolve))
  if (failure !== undefined) throw failure
}
