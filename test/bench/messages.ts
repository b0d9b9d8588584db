// HTTP/1.1 as far as a load and an upstream need it that spend as little as they can.

/**
 * Finds the messages in what comes over a connection.
 *
 * @param each - gets the head of each message, once its whole body has come. A body must have a
 *   Content-Length.
 */
export function messages(each: (head: string) => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    for (let end = rest.indexOf(END); end >= 0; end = rest.indexOf(END)) {
      const head = rest.toString('latin1', 0, end)
      const length = end + END.length + Number(LENGTH.exec(head)?.[1] ?? 0)
      if (rest.length < length) return
      rest = rest.subarray(length)
      each(head)
    }
  }
}

const END = '\r\n\r\n'
const LENGTH = /^content-length: *(\d+)/im
