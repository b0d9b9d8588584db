/* A gateway in a process of its own, whose processor time the bench reads. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { forward, listener, problemDetails, transform } from 'good-gateway'
import { openaiToAnthropic } from 'good-gateway/llm'

const [, , kind, target = ''] = process.argv
const send = forward({ target })
const limits = { limit: '20mb', responseLimit: '20mb' }
const gateway =
  kind === 'translated'
    ? listener(problemDetails(), transform(openaiToAnthropic(), limits), send)
    : listener(problemDetails(), send)

const server = createServer(gateway).listen(0, '127.0.0.1', () => {
  process.send?.((server.address() as AddressInfo).port)
})
process.on('message', () => process.send?.(process.cpuUsage()))
