// Sends requests over kept-alive connections, as many at once as there are connections.
import { type Dispatcher, Pool } from 'undici'

/** A request, and what its answer must be. */
export interface Ask {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Buffer
  /** Status and length of the answer that count as right. */
  right(status: number, length: number): boolean
}

/** The client of one gateway. */
export interface Client {
  send(ask: Ask, count: number): Promise<void>
  close(): Promise<void>
}

/** Opens a client. */
export function clientOf(url: string, connections: number): Client {
  const pool = new Pool(url, { connections, pipelining: 1 })
  return {
    close: () => pool.destroy(),
    async send(ask, count) {
      let left = count
      const worker = async () => {
        while (left-- > 0) await sendOne(pool, ask)
      }
      await Promise.all(Array.from({ length: Math.min(connections, count) }, worker))
    },
  }
}

function sendOne(pool: Pool, { method, path, body, right }: Ask): Promise<void> {
  const options: Dispatcher.DispatchOptions = { method, path, body: body ?? null }
  if (body) options.headers = { 'Content-Type': 'application/json' }
  return new Promise((resolve, reject) => {
    let status = 0
    let length = 0
    pool.dispatch(options, {
      onRequestStart() {},
      onResponseStart(_controller, statusCode) {
        status = statusCode
      },
      onResponseData(_controller, chunk) {
        length += chunk.length
      },
      onResponseEnd() {
        if (right(status, length)) resolve()
        else reject(new Error(`${method} ${path}: status ${status} with ${length} bytes`))
      },
      onResponseError(_controller, error) {
        reject(error)
      },
    })
  })
}
