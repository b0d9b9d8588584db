// The process of a load that spends as little as it can: the bytes of its request are made once.
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { answer } from './child.js'
import { messages } from './messages.js'
import { scenarioOf } from './scenarios.js'
import { quantile } from './statistics.js'

/** What is asked for, of whom. */
export interface Load {
  readonly url: string
  /** The scenario whose request is sent. */
  readonly scenario: string
  readonly connections: number
  readonly requests: number
}

/** A load that does not wait for the answers. */
export interface OpenLoad extends Load {
  /** Requests a second. */
  readonly rate: number
}

/** Milliseconds from when a request was due until its answer was there. */
export interface Latencies {
  readonly p50: number
  readonly p99: number
}

answer({
  /** As many requests at once as there are connections; returns how many a second were answered. */
  async closed(load: Load): Promise<number> {
    const client = await clientOf(load)
    const start = performance.now()
    await new Promise<void>((resolve) => {
      let [sent, answered] = [0, 0]
      const send = () => {
        sent += 1
        client.ask(next)
      }
      const next = () => {
        answered += 1
        if (answered === load.requests) resolve()
        else if (sent < load.requests) send()
      }
      for (let one = 0; one < load.connections; one += 1) send()
    })
    client.close()
    return load.requests / ((performance.now() - start) / 1000)
  },

  /** At a constant rate: a request that finds no free connection waits, and its time runs. */
  async open(load: OpenLoad): Promise<Latencies> {
    const client = await clientOf(load)
    const latencies: number[] = []
    const start = performance.now()
    const dueAt = (at: number) => start + (at * 1000) / load.rate
    for (let sent = 0; sent < load.requests; await setTimeout(1))
      for (const now = performance.now(); sent < load.requests && dueAt(sent) <= now; sent += 1) {
        const due = dueAt(sent)
        client.ask(() => latencies.push(performance.now() - due))
      }
    while (latencies.length < load.requests) await setTimeout(1)
    client.close()
    return { p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
  },
})

type Done = () => void

/** Opens kept-alive connections; what finds none free is sent when one is. */
async function clientOf({ url, scenario, connections }: Load) {
  const request = requestOf(scenario)
  const waiting: Done[] = []
  const free: Socket[] = []
  const asked = new Map<Socket, Done>()
  let isOver = false
  const ask = (done: Done) => {
    const socket = free.pop()
    if (socket) send(socket, done)
    else waiting.push(done)
  }
  const send = (socket: Socket, done: Done) => {
    asked.set(socket, done)
    socket.write(request)
  }
  const sockets = Array.from({ length: connections }, () => {
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', noDelay: true })
    const answered = (head: string) => {
      if (!OK.test(head)) throw new Error(`unexpected answer: ${head}`)
      const done = asked.get(socket)
      const next = waiting.shift()
      if (next) send(socket, next)
      else free.push(socket)
      done?.()
    }
    free.push(socket)
    socket.once('close', () => {
      if (!isOver) throw new Error(`${url} has closed a connection`)
    })
    return socket.on('data', messages(answered))
  })
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const close = () => {
    isOver = true
    for (const socket of sockets) socket.destroy()
  }
  return { ask, close }
}

const OK = /^HTTP\/1\.1 200/

function requestOf(name: string): Buffer {
  const { method, path, body = Buffer.alloc(0) } = scenarioOf(name).ask
  const fields = body.length > 0 ? `${TYPE}Content-Length: ${body.length}\r\n` : ''
  return Buffer.concat([
    Buffer.from(`${method} ${path} HTTP/1.1\r\nHost: gateway\r\n${fields}\r\n`),
    body,
  ])
}

const TYPE = 'Content-Type: application/json\r\n'
