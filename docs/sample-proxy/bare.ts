import { type ChildProcess, fork } from 'node:child_process'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'

/** What the bare proxy tells its parent: where it listens. */
export interface BareMessage {
  readonly port: number
}

/** The same proxy without good-gateway, in a process of its own: some faults end that process. */
export interface BareProxy {
  /** Passes a request on, and the failure of the proxy too: the client sees what its own would see. */
  pass(req: IncomingMessage, res: ServerResponse, path: string): void
  close(): Promise<void>
}

const PROGRAM = fileURLToPath(new URL('bare-process.ts', import.meta.url))

/** Starts the bare proxy in front of the targets, and again whenever a fault has ended it. */
export async function startBare(targets: Readonly<Record<string, string>>): Promise<BareProxy> {
  let closing = false
  let child: ChildProcess
  let port = start()

  function start(): Promise<number> {
    child = fork(PROGRAM, [JSON.stringify(targets)], {
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    })
    child.once('exit', () => {
      if (closing) return
      console.log('The bare proxy has crashed; starting it again.')
      port = start()
    })
    return new Promise((resolve) => {
      child.once('message', (message) => resolve((message as BareMessage).port))
    })
  }

  await port
  return {
    pass: (req, res, path) => void port.then((open) => mirror(req, res, { port: open, path })),
    close: () =>
      new Promise((resolve) => {
        closing = true
        child.once('exit', () => resolve())
        child.kill()
      }),
  }
}

/** Forwards without any judgement: what breaks on one side breaks on the other. */
function mirror(
  req: IncomingMessage,
  res: ServerResponse,
  to: { port: number; path: string },
): void {
  const { method, headers } = req
  const call = request({ ...to, host: '127.0.0.1', method, headers, agent: false })
  const breakOff = () => res.socket?.destroy()
  call.once('error', breakOff)
  call.once('response', (answer) => {
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    // A head without a body would wait in memory, and hide that the proxy hangs after it.
    res.flushHeaders()
    answer.once('error', breakOff).pipe(res)
  })
  res.once('close', () => call.destroy())
  req.pipe(call)
}
