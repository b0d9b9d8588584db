import type { ServerResponse } from 'node:http'
import type { Originals } from './gate.js'

/** The methods of a response that write it. */
export type RawResponse = Pick<ServerResponse, 'writeHead' | 'write' | 'end' | 'destroy'>

/** Methods of a response, to be called without it. */
export function boundTo(
  res: ServerResponse,
  { writeHead, write, end, destroy }: Pick<Originals, keyof RawResponse>,
): RawResponse {
  return {
    writeHead: writeHead.bind(res) as ServerResponse['writeHead'],
    write: write.bind(res) as ServerResponse['write'],
    end: end.bind(res) as ServerResponse['end'],
    destroy: destroy.bind(res) as ServerResponse['destroy'],
  }
}
