import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Address } from './call.js'

/** Whether a port answers a request without TLS; nothing of the caller's goes into it. */
export function speaksHttp({ address }: Address, port: number, timeout: number): Promise<boolean> {
  const socket = connect({ host: address, port })
  socket.once('connect', () =>
    socket.write('HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'),
  )
  return settled(socket, timeout, (end) =>
    socket.once('data', (bytes) => end(bytes.toString('latin1', 0, 5) === 'HTTP/')),
  )
}

/** Whether a port makes a TLS handshake, whatever its certificate. */
export function speaksTls({ address }: Address, port: number, timeout: number): Promise<boolean> {
  const socket = connectTls({ host: address, port, rejectUnauthorized: false })
  return settled(socket, timeout, (end) => socket.once('secureConnect', () => end(true)))
}

/** What is found out at a socket; no, when it ends before that or takes too long. */
function settled(
  socket: Socket,
  timeout: number,
  listen: (end: (answer: boolean) => void) => void,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (answer: boolean) => {
      socket.destroy()
      clearTimeout(timer)
      resolve(answer)
    }
    const timer = setTimeout(end, timeout, false)
    listen(end)
    socket.once('error', () => end(false)).once('close', () => end(false))
  })
}

/** What begins like this is something else than HTTP/1; a pair of hexadecimal digits is a byte. */
const BEGINNINGS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^5353482d/, 'SSH'],
  // An alert or a handshake of any version (RFC 8446, section 5.1).
  [/^1[4-7]030[0-4]/, 'TLS'],
  // SETTINGS, the first frame of a connection (RFC 9113, section 3.4).
  [/^0000..04/, 'HTTP/2'],
  [/^323230(?:20|2d)/, 'SMTP or FTP'],
  [/^(?:2b4f4b|2a204f4b)/, 'POP3 or IMAP'],
  [/^2d(?:455252|44454e494544)/, 'Redis'],
  [/^......000a/, 'MySQL'],
]

/** What a port speaks, by its first bytes; undefined when they are not known, or HTTP/1. */
export function spokenIn(bytes: Buffer): string | undefined {
  const text = bytes.toString('hex', 0, 16)
  return BEGINNINGS.find(([pattern]) => pattern.test(text))?.[1]
}
