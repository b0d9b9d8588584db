import { createServer, type Socket } from 'node:net'
import { type Listening, listen } from './servers.js'

/** An upstream that shows each byte that it gets, and answers with bytes. */
export interface RawUpstream extends Listening {
  /** What has come, connection by connection. */
  readonly received: string[]
  readonly sockets: Socket[]
}

/** Told of each packet; `text` is all that the connection has brought. */
type Act = (socket: Socket, text: string) => void

/** Answers each head that has come with the same bytes. */
export const answering =
  (answer: string): Act =>
  (socket, text) => {
    if (text.includes('\r\n\r\n')) socket.write(answer, 'latin1')
  }

/** The connection stays open after the answer. */
export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

export async function startRawUpstream(act: Act = answering(OK)): Promise<RawUpstream> {
  const received: string[] = []
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    const at = received.push('') - 1
    sockets.push(socket)
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (part: string) => {
      received[at] += part
      act(socket, received[at] ?? '')
    })
  })
  return { ...(await listen(server as never)), received, sockets }
}
