// The process of an upstream that spends as little as it can, so that a gateway can be busy all the time.
import { createServer } from 'node:net'
import { answer } from './child.js'
import { listen } from './listen.js'
import { messages } from './messages.js'

const response = (body: string) =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
const thing = response(JSON.stringify({ id: 1, name: 'thing', text: 'x'.repeat(150) }))
const accepted = response('{"status":"accepted"}')

const server = createServer({ noDelay: true }, (socket) => {
  const write = (head: string) => socket.write(head.startsWith('GET') ? thing : accepted)
  socket.on('data', messages(write)).on('error', () => {})
})

answer({ listen: () => listen(server) })
