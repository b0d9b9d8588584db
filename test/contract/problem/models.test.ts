import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createAnthropic } from '@ai-sdk/anthropic'
import { createOpenAI } from '@ai-sdk/openai'
import { ChatOpenAI } from '@langchain/openai'
import { streamText, type LanguageModel } from 'ai'
import type { ProblemDetailsOptions } from 'good-gateway'
import { createForward } from '../../../docs/sample-proxy/forward.js'
import { hosts } from '../../support/hosts.js'
import { type Listening, listen } from '../../support/servers.js'

type Behaviour = (req: IncomingMessage, res: ServerResponse) => void

/** What the user of a client got: the text, and the error at its end. */
interface Got {
  text: string
  error: unknown
}

interface Client {
  readonly format: 'openai' | 'anthropic'
  /** Asks for a stream, and takes some milliseconds for each part of it. */
  ask(url: string, prompt: string, pause?: number): Promise<Got>
}

const pauseOf = (time: number) => new Promise((resolve) => setTimeout(resolve, time))

const aiSdk =
  (modelOf: (settings: { apiKey: string; baseURL: string }) => LanguageModel): Client['ask'] =>
  async (baseURL, prompt, pause = 0) => {
    const got: Got = { text: '', error: undefined }
    const model = modelOf({ apiKey: 'k', baseURL })
    const { fullStream } = streamText({ model, prompt, maxRetries: 0, onError: () => {} })
    for await (const part of fullStream) {
      if (part.type === 'text-delta') got.text += part.text
      if (part.type === 'error') got.error ??= part.error
      await pauseOf(pause)
    }
    return got
  }

const langchain =
  (useResponsesApi: boolean): Client['ask'] =>
  async (baseURL, prompt, pause = 0) => {
    const got: Got = { text: '', error: undefined }
    const options = { apiKey: 'k', model: 'm', maxRetries: 0, useResponsesApi }
    const model = new ChatOpenAI({ ...options, configuration: { baseURL } })
    try {
      for await (const part of await model.stream(prompt)) {
        got.text += part.text
        await pauseOf(pause)
      }
    } catch (error) {
      got.error = error
    }
    return got
  }

const clients: Record<string, Client> = {
  'the AI SDK, chat completions': {
    format: 'openai',
    ask: aiSdk((settings) => createOpenAI(settings).chat('m')),
  },
  'the AI SDK, responses': {
    format: 'openai',
    ask: aiSdk((settings) => createOpenAI(settings).responses('m')),
  },
  'the AI SDK, messages': {
    format: 'anthropic',
    ask: aiSdk((settings) => createAnthropic(settings)('claude-3-haiku-20240307')),
  },
  'langchain, chat completions': { format: 'openai', ask: langchain(false) },
  'langchain, responses': { format: 'openai', ask: langchain(true) },
}

const event = (type: string, data: object) =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`

const base = { id: 'c', created: 1, model: 'm' }
const usage = { input_tokens: 1, output_tokens: 1 }
const parts = ['Once', ' upon', ' a time']

const chunk = (content: string): string => {
  const choices = [{ index: 0, delta: { role: 'assistant', content }, finish_reason: null }]
  return `data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices })}\n\n`
}
const response = { ...base, object: 'response', created_at: 1, status: 'in_progress', output: [] }
const item = { id: 'i', type: 'message', role: 'assistant', content: [] }
const message = { ...base, type: 'message', role: 'assistant', content: [], usage }

/** The beginning of a stream, by the end of the path. */
const streams: Record<string, string> = {
  completions: parts.map(chunk).join(''),
  responses:
    event('response.created', { response }) +
    event('response.output_item.added', { output_index: 0, item }) +
    parts
      .map((delta) => ({ item_id: 'i', output_index: 0, content_index: 0, delta }))
      .map((data) => event('response.output_text.delta', data))
      .join(''),
  messages:
    event('message_start', { message }) +
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }) +
    parts
      .map((text) => ({ index: 0, delta: { type: 'text_delta', text } }))
      .map((data) => event('content_block_delta', data))
      .join(''),
}

const dies: Behaviour = ({ url = '' }, res) => {
  res.writeHead(200, { 'Content-Type': 'text/event-stream' })
  res.write(streams[url.slice(url.lastIndexOf('/') + 1)] ?? '', () => res.destroy())
}
const answers =
  (status: number): Behaviour =>
  (_req, res) =>
    res.writeHead(status).end('no JSON')

/** All that a user is shown. */
const shown = (error: unknown): string =>
  error instanceof Error ? error.message : JSON.stringify(error)

for (const host of hosts)
  describe(`${host.name}, other clients of language models`, () => {
    let upstream: Listening
    let behaviour: Behaviour
    const forward = createForward()

    before(async () => {
      upstream = await listen(
        createServer((req, res) => {
          req.resume()
          behaviour(req, res)
        }),
      )
    })
    after(() => upstream.close())

    async function ask(
      client: Client,
      {
        prompt = 'Hello',
        pause = 0,
        stream = true,
        ...options
      }: ProblemDetailsOptions & Asking = {},
    ): Promise<Got> {
      const body = {
        type: 'object',
        properties: { model: { maxLength: 40 }, stream: { const: stream } },
      }
      const gateway = await host.start({
        use: ({ problemDetails, validate }) => [
          problemDetails({ format: client.format, ...options }),
          validate({ body }, { limit: '2kb' }),
        ],
        handler: (req, res) => forward(req, res, upstream.url),
      })
      try {
        return await client.ask(`${gateway.url}/v1`, prompt, pause)
      } finally {
        await gateway.close()
      }
    }

    for (const [name, client] of Object.entries(clients)) {
      for (const pause of [0, 20])
        it(`the error event reaches the user of ${name}, ${pause} ms for each part`, async () => {
          behaviour = dies
          const { text, error } = await ask(client, { pause })
          assert.equal(text, parts.join(''))
          assert.match(shown(error), /closed the connection before its response was complete/)
          if (client.format === 'openai')
            assert.equal(Object(error).code, 'upstream_response_incomplete')
        })

      it(`says what is wrong to the user of ${name}`, async () => {
        behaviour = () => assert.fail('nothing is sent')
        const tooLarge = await ask(client, { prompt: 'x'.repeat(3000) })
        assert.match(shown(tooLarge.error), /at most 2048 bytes/)
        const invalid = await ask(client, { stream: false })
        assert.match(shown(invalid.error), /#\/stream must be/)
      })

      it(`says whose fault it is to the user of ${name}`, async () => {
        for (const [status, words] of Object.entries({
          429: /accepts no more requests for now/,
          503: /is overloaded/,
          529: /is overloaded/,
          524: /The upstream failed/,
        })) {
          behaviour = answers(Number(status))
          const { error } = await ask(client, { upstreamErrors: 'wrap-foreign' })
          assert.match(shown(error), words)
        }
      })
    }
  })

interface Asking {
  readonly prompt?: string
  readonly pause?: number
  /** What the schema of the route wants. */
  readonly stream?: boolean
}
