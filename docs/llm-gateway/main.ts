import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onSignal } from '../sample-proxy/on-signal.js'
import { createGateway } from './gateway.js'
import { logRequests } from './log.js'
import { anthropicProvider } from './providers/anthropic.js'
import { openaiProvider } from './providers/openai.js'
import { readSettings, type Settings, SettingsError, unusedUrls } from './settings.js'

/** Milliseconds that open requests get to finish after a signal. */
const GRACE = 5000
/** What the stand-ins take for their key. */
const KEY = 'sk-stand-in'

async function main(): Promise<void> {
  const settings = readSettings(process.env)
  const isReal = settings.openai !== undefined || settings.anthropic !== undefined
  const standIns = isReal ? {} : await startStandIns()
  const gateway = createGateway({ ...settings, ...standIns })
  const server = createServer(gateway.listener).listen(settings.port, '127.0.0.1')
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const busy = `Port ${settings.port} is in use: set PORT to another one.`
    throw error.code === 'EADDRINUSE' ? new SettingsError(busy) : error
  })
  const stopLog = logRequests((line) => console.log(JSON.stringify(line)), gateway.translators)
  console.log(welcome(urlOf(server), settings))
  for (const name of unusedUrls(process.env))
    console.warn(`${name} is not used: there is no key for it. A server without keys takes any.`)
  const stop = () => {
    stopLog()
    server.close(() => void gateway.close().then(() => process.exit()))
    setTimeout(() => process.exit(), GRACE).unref()
  }
  onSignal(stop)
}

async function startStandIns(): Promise<Pick<Settings, 'openai' | 'anthropic'>> {
  const [openai, anthropic] = await Promise.all(
    [openaiProvider(KEY), anthropicProvider(KEY)].map(async (server) => {
      await once(server.listen(0, '127.0.0.1'), 'listening')
      return { url: `${urlOf(server.unref())}/v1`, key: KEY }
    }),
  )
  return { ...(openai && { openai }), ...(anthropic && { anthropic }) }
}

const urlOf = (server: Server): string =>
  `http://127.0.0.1:${(server.address() as AddressInfo).port}`

function welcome(url: string, { openai, anthropic }: Settings): string {
  const real = [openai && 'OpenAI', anthropic && 'Anthropic'].filter((name) => name).join(' and ')
  return `The gateway for language models is at ${url}/v1, in front of ${real || 'two stand-ins'}. Try:

  curl ${url}/v1/chat/completions -H 'Content-Type: application/json' \\
    -d '{"model": "claude-opus-4-5", "messages": [{"role": "user", "content": "Hello"}]}'
`
}

main().catch((error: unknown) => {
  console.error(error instanceof SettingsError ? error.message : error)
  process.exitCode = 1
})
