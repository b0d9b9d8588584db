import { connect, type Socket } from 'node:net'

/** What came back on a connection until it closed. */
export interface Received {
  readonly text: string
  readonly status: number
  readonly head: string
  readonly body: string
  /** Whether the connection ended with a reset. */
  readonly reset: boolean
}

/** Sends bytes over a socket of its own and returns all that comes back, to the byte. */
export const sendRaw = (port: number, ...packets: (string | Buffer)[]): Promise<Received> =>
  sendWatching(port, packets, () => {})

/** The same, telling what has come back so far whenever there is more. */
export async function sendWatching(
  port: number,
  packets: readonly (string | Buffer)[],
  watch: (text: string, socket: Socket) => void,
): Promise<Received> {
  const socket = connect(port, '127.0.0.1')
  socket.setNoDelay(true)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  let reset = false
  let text = ''
  socket.on('error', () => (reset = true))
  socket.setEncoding('latin1').on('data', (part: string) => {
    text += part
    watch(text, socket)
  })
  for (const packet of packets) await written(socket, packet)
  await closed
  return parse(text, reset)
}

/**
 * Sends a part of a request, and leaves once the answer is whole: a server waits a little longer for
 * the rest.
 */
export const sendPart = (port: number, ...packets: (string | Buffer)[]): Promise<Received> =>
  sendWatching(port, packets, (text, socket) => {
    const { head, body } = parse(text)
    const [, length] = /^content-length: (\d+)/im.exec(head) ?? []
    if (length !== undefined && body.length >= Number(length)) socket.end()
  })

/** Each packet leaves in a turn of the event loop of its own. */
function written(socket: Socket, packet: string | Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(packet, () => setImmediate(resolve)))
}

export function parse(text: string, reset = false): Received {
  const split = text.indexOf('\r\n\r\n')
  const head = split < 0 ? text : text.slice(0, split)
  const body = split < 0 ? '' : text.slice(split + 4)
  return { text, head, body, reset, status: Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? 0) }
}

/** Takes the chunks of a chunked body apart; `whole` tells whether the last one was there. */
export function dechunk(body: string): { text: string; whole: boolean } {
  let text = ''
  let rest = body
  for (;;) {
    const line = rest.indexOf('\r\n')
    const size = line < 0 ? NaN : parseInt(rest.slice(0, line), 16)
    if (Number.isNaN(size)) return { text, whole: false }
    if (size === 0) return { text, whole: true }
    text += rest.slice(line + 2, line + 2 + size)
    rest = rest.slice(line + 2 + size + 2)
  }
}

export const getLine = (path: string, ...headers: string[]): string =>
  [`GET ${path} HTTP/1.1`, 'Host: gateway', 'Connection: close', ...headers, '', ''].join('\r\n')
