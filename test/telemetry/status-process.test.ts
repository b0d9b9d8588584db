import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { get } from 'node:http'
import { fileURLToPath } from 'node:url'

const PROGRAM = fileURLToPath(new URL('status-process.ts', import.meta.url))

describe('a process with an open stream of its status page', () => {
  for (const mode of ['close', 'unref'] as const) {
    it(`ends by itself: ${mode}`, async () => {
      const child = fork(PROGRAM, [mode], { execArgv: ['--import', 'tsx'] })
      const [port] = (await once(child, 'message')) as [number]
      const headers = { Accept: 'text/event-stream' }
      const request = get({ port, host: '127.0.0.1', path: '/status', headers, agent: false })
      const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
      response.on('error', () => {})
      await once(response, 'data')
      const exited = once(child, 'exit')
      child.send('end')
      const [code] = (await exited) as [number | null]
      assert.equal(code, 0)
      request.destroy()
    })
  }
})
