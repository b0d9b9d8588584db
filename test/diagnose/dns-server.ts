import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'

/** What a DNS server says of a name: addresses, one of the codes of RFC 1035, or nothing at all. */
export interface Zone {
  readonly [name: string]: {
    readonly A?: readonly string[] | number | 'silent'
    readonly AAAA?: readonly string[] | number | 'silent'
  }
}

/** Response codes (RFC 1035, section 4.1.1). */
export const SERVFAIL = 2
export const NXDOMAIN = 3
export const REFUSED = 5

/** A DNS server on a port of 127.0.0.1. */
export interface DnsServer {
  /** `address:port`, as `--resolver` takes it. */
  readonly address: string
  close(): Promise<void>
}

/** Starts a DNS server that knows the names of a zone; others do not exist. */
export async function dnsServer(zone: Zone): Promise<DnsServer> {
  const socket = createSocket('udp4')
  socket.on('message', (query: Buffer, from: RemoteInfo) => {
    const { name, type, end } = questionIn(query)
    const said = zone[name]?.[type] ?? (zone[name] === undefined ? NXDOMAIN : [])
    if (said === 'silent') return
    socket.send(answer(query.subarray(0, end), type, said), from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return {
    address: `127.0.0.1:${socket.address().port}`,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  }
}

function questionIn(query: Buffer): { name: string; type: 'A' | 'AAAA'; end: number } {
  const labels: string[] = []
  let at = 12
  for (let size = query[at] ?? 0; size > 0; size = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + size))
    at += size + 1
  }
  const type = query.readUInt16BE(at + 1) === 28 ? 'AAAA' : 'A'
  return { name: labels.join('.').toLowerCase(), type, end: at + 5 }
}

function answer(question: Buffer, type: 'A' | 'AAAA', said: readonly string[] | number): Buffer {
  const head = Buffer.from(question)
  const addresses = typeof said === 'number' ? [] : said
  // A response, recursion available, and its code.
  head.writeUInt16BE(0x8180 | (typeof said === 'number' ? said : 0), 2)
  head.writeUInt16BE(addresses.length, 6)
  head.writeUInt32BE(0, 8)
  const records = addresses.map((address) => {
    const data = type === 'A' ? Buffer.from(address.split('.').map(Number)) : inIPv6(address)
    const record = Buffer.alloc(12)
    // A pointer to the name of the question, the type, the class IN, a minute to live.
    record.writeUInt16BE(0xc00c, 0)
    record.writeUInt16BE(type === 'A' ? 1 : 28, 2)
    record.writeUInt16BE(1, 4)
    record.writeUInt32BE(60, 6)
    record.writeUInt16BE(data.length, 10)
    return Buffer.concat([record, data])
  })
  return Buffer.concat([head, ...records])
}

/** An address of the form `x::y`. */
function inIPv6(address: string): Buffer {
  const [before = '', after = ''] = address.split('::')
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((group) => parseInt(group, 16))
  const [head, tail] = [groups(before), groups(after)]
  const all = [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail]
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]))
}
