import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { join } from 'node:path'
import Anthropic from '@anthropic-ai/sdk'
import { APIError, InternalServerError, OpenAI } from 'openai'
import { createGateway, type Gateway } from '../../docs/llm-gateway/gateway.js'
import { type Line, logRequests } from '../../docs/llm-gateway/log.js'
import { anthropicProvider } from '../../docs/llm-gateway/providers/anthropic.js'
import { openaiProvider } from '../../docs/llm-gateway/providers/openai.js'
import { readSettings, SettingsError, unusedUrls } from '../../docs/llm-gateway/settings.js'
import type { Providers } from '../../docs/llm-gateway/upstreams.js'
import { breakers } from 'good-gateway'
import { listen, type Listening } from '../support/servers.js'
import { until } from '../support/until.js'

const KEYS = { openai: 'sk-gateway-openai', anthropic: 'sk-ant-gateway' }
const MODELS = ['gpt-5', 'claude-opus-4-5']

describe('the gateway for language models', () => {
  let servers: Listening[]
  let gateway: Gateway
  let providers: Providers
  let openai: OpenAI
  let anthropic: Anthropic
  let stopLog: () => void
  const lines: Line[] = []

  before(async () => {
    const [first, second] = [
      await listen(openaiProvider(KEYS.openai)),
      await listen(anthropicProvider(KEYS.anthropic)),
    ]
    providers = {
      openai: { url: `${first.url}/v1`, key: KEYS.openai },
      anthropic: { url: `${second.url}/v1`, key: KEYS.anthropic },
    }
    gateway = createGateway(providers)
    const server = await listen(createServer(gateway.listener))
    servers = [server, first, second]
    const client = { maxRetries: 0, apiKey: 'sk-client' }
    openai = new OpenAI({ ...client, baseURL: `${server.url}/v1` })
    anthropic = new Anthropic({ ...client, baseURL: server.url })
    stopLog = logRequests((line) => lines.push(line), gateway.translators)
  })
  beforeEach(() => {
    lines.length = 0
    // What one test breaks is no outage for the next one.
    for (const circuit of breakers.list()) circuit.close()
  })
  after(async () => {
    stopLog()
    for (const server of servers) await server.close()
    await gateway.close()
    breakers.releaseAll()
  })

  for (const model of MODELS) {
    it(`answers clients of OpenAI for ${model}, whole and as a stream`, async () => {
      const asked = { model, messages: [{ role: 'user', content: 'Hello' } as const] }
      const { choices } = await openai.chat.completions.create(asked)
      assert.equal(choices[0]?.message.content, 'You said: Hello')
      const streamed = await openai.chat.completions.stream(asked).finalChatCompletion()
      assert.equal(streamed.choices[0]?.message.content, 'You said: Hello')
    })

    it(`answers clients of Anthropic for ${model}, whole and as a stream`, async () => {
      const messages = [{ role: 'user', content: 'Hello' } as const]
      const asked = { model, max_tokens: 50, messages }
      const { content } = await anthropic.messages.create(asked)
      assert.deepEqual(content, [{ type: 'text', text: 'You said: Hello' }])
      const streamed = await anthropic.messages.stream(asked).finalText()
      assert.equal(streamed, 'You said: Hello')
    })
  }

  for (const model of MODELS)
    it(`asks the other provider where that of ${model} is overloaded, in both APIs`, async () => {
      const content = `Hello ${model.startsWith('claude') ? 'anthropic' : 'openai'} is away`
      const asked = { model, messages: [{ role: 'user', content } as const] }
      const whole = await openai.chat.completions.create(asked)
      assert.deepEqual(
        [whole.choices[0]?.message.content, whole.model],
        [`You said: ${content}`, model],
      )
      const streamed = await openai.chat.completions.stream(asked).finalChatCompletion()
      assert.deepEqual(
        [streamed.choices[0]?.message.content, streamed.model],
        [`You said: ${content}`, model],
      )
      const message = await anthropic.messages.create({ ...asked, max_tokens: 50 })
      assert.deepEqual(
        [message.content, message.model],
        [[{ type: 'text', text: `You said: ${content}` }], model],
      )
      const last = await anthropic.messages.stream({ ...asked, max_tokens: 50 }).finalMessage()
      assert.deepEqual([last.content.length, last.model], [1, model])
    })

  it('does not ask another one where a model has none that stands for it', async () => {
    const messages = [{ role: 'user', content: 'openai is away' } as const]
    await assert.rejects(
      openai.chat.completions.create({ model: 'gpt-unknown', messages }),
      (error) =>
        error instanceof InternalServerError &&
        error.status === 529 &&
        /"openai"/.test(error.message),
    )
    await until(() => lines.length > 0)
    assert.equal(lines[0]?.provider, 'openai')
  })

  it('lets a provider rest whose circuit is open', async () => {
    const circuit = breakers.get('openai')
    assert.ok(circuit)
    circuit.open()
    const messages = [{ role: 'user', content: 'Hello' } as const]
    const { choices } = await openai.chat.completions.create({ model: 'gpt-5', messages })
    assert.equal(choices[0]?.message.content, 'You said: Hello')
    await until(() => lines.length > 0)
    assert.equal(lines[0]?.provider, 'anthropic')
  })

  for (const [model, faults] of [
    ['gpt-5', ['dies', 'error']],
    // Only a translator knows that a stream without its last event is incomplete.
    ['claude-opus-4-5', ['dies', 'error', 'ends early']],
  ] as const)
    for (const fault of faults)
      it(`tells clients of both APIs that the stream of ${model} breaks: ${fault}`, async () => {
        const messages = [{ role: 'user', content: `fault: ${fault}` } as const]
        const chunks = await openai.chat.completions.create({ model, messages, stream: true })
        await assert.rejects(async () => {
          for await (const chunk of chunks) void chunk
        }, APIError)
        if (fault === 'ends early') return
        const events = anthropic.messages.stream({ model, messages, max_tokens: 50 })
        await assert.rejects(events.finalMessage(), /Overloaded|before its response was complete/)
      })

  for (const model of MODELS)
    it(`stops ${model} when the client leaves`, async () => {
      const messages = [{ role: 'user', content: 'slowly' } as const]
      const chunks = await openai.chat.completions.create({ model, messages, stream: true })
      for await (const { choices } of chunks) if (choices[0]?.delta.content) break
      await until(() => lines.length > 0)
      assert.deepEqual(
        [lines[0]?.code, lines[0]?.provider],
        ['client_closed_request', model === 'gpt-5' ? 'openai' : 'anthropic'],
      )
    })

  it('passes on embeddings, models and the Responses API', async () => {
    const { data } = await openai.embeddings.create({
      model: 'text-embedding-3-small',
      input: 'Hello',
      encoding_format: 'float',
    })
    assert.deepEqual(data[0]?.embedding, [5, 0.5])
    assert.equal((await openai.models.list()).data[0]?.id, 'gpt-5')
    const { output_text } = await openai.responses.create({ model: 'gpt-5', input: 'Hello' })
    assert.equal(output_text, 'You said: Hello')
  })

  it('takes an image of 5 MB', async () => {
    const url = `data:image/png;base64,${'A'.repeat(7_000_000)}`
    const content = [{ type: 'image_url', image_url: { url } } as const]
    for (const model of MODELS) {
      const { choices } = await openai.chat.completions.create({
        model,
        messages: [{ role: 'user', content }],
      })
      assert.equal(choices[0]?.message.content, 'I see 1 attachments.')
    }
  })

  it('refuses what has no model, in the form of the API that was asked', async () => {
    const [base] = servers
    for (const [path, pattern] of [
      ['/v1/chat/completions', /^\{"error":\{"message":".*#\/model is required"/],
      ['/v1/messages', /^\{"type":"error","error":\{"type":"invalid_request_error"/],
    ] as const) {
      const headers = { 'content-type': 'application/json' }
      const answer = await fetch(base?.url + path, {
        method: 'POST',
        headers,
        body: '{"messages":[]}',
      })
      assert.equal(answer.status, 400)
      assert.match(await answer.text(), pattern)
    }
  })

  it('logs a line for each request, with its tokens and no key', async () => {
    await openai.chat.completions.create({
      model: 'claude-opus-4-5',
      messages: [{ role: 'user', content: 'Hello' }],
    })
    const failing = {
      model: 'gpt-5',
      messages: [{ role: 'user', content: 'answer with 500' } as const],
    }
    await assert.rejects(openai.chat.completions.create(failing), InternalServerError)
    await until(() => lines.length === 2)
    const [good, bad] = lines
    assert.deepEqual(
      [good?.route, good?.status, good?.provider, good?.tokens?.inputTokens],
      ['/v1/chat/completions', 200, 'anthropic', 14],
    )
    assert.deepEqual([bad?.status, bad?.tokens], [500, undefined])
    assert.doesNotMatch(JSON.stringify(lines), /sk-|Hello/)
  })

  it('tells proxies in front not to keep streams back', async () => {
    const stream = {
      model: 'gpt-5',
      messages: [{ role: 'user', content: 'Hello' } as const],
      stream: true as const,
    }
    const { response, data } = await openai.chat.completions.create(stream).withResponse()
    assert.equal(response.headers.get('x-accel-buffering'), 'no')
    for await (const chunk of data) void chunk
  })

  it('shows nobody whose account it uses', async () => {
    const messages = [{ role: 'user', content: 'Hello' } as const]
    const answers = [
      await openai.models.list().withResponse(),
      await openai.chat.completions.create({ model: 'gpt-5', messages }).withResponse(),
      await anthropic.messages
        .create({ model: 'claude-opus-4-5', messages, max_tokens: 9 })
        .withResponse(),
      await openai.chat.completions.create({ model: 'claude-opus-4-5', messages }).withResponse(),
    ]
    for (const { response } of answers)
      assert.doesNotMatch(JSON.stringify([...response.headers]), /org-secret/)
  })

  it('writes comments into a stream that is silent, which all clients read', async () => {
    const messages = [{ role: 'user', content: 'slowly' } as const]
    const quick = createGateway({ ...providers, keepAlive: 20 })
    const server = await listen(createServer(quick.listener))
    const said = 'one two three four five six seven eight'
    const raw = async (model: string) => {
      const body = JSON.stringify({ model, messages, stream: true })
      const headers = { 'content-type': 'application/json' }
      const url = `${server.url}/v1/chat/completions`
      const text = await (await fetch(url, { method: 'POST', headers, body })).text()
      assert.match(text, /\n\n:\n(?::\n)*data: /)
    }
    const read = async (model: string) => {
      const asOpenai = new OpenAI({ apiKey: 'k', baseURL: `${server.url}/v1` })
      const streamed = asOpenai.chat.completions.stream({ model, messages })
      const [choice] = (await streamed.finalChatCompletion()).choices
      assert.equal(choice?.message.content, said)
    }
    const readMessage = async (model: string) => {
      const asAnthropic = new Anthropic({ apiKey: 'k', baseURL: server.url })
      const streamed = asAnthropic.messages.stream({ model, messages, max_tokens: 50 })
      assert.equal(await streamed.finalText(), said)
    }
    await Promise.all(MODELS.flatMap((model) => [raw(model), read(model), readMessage(model)]))
    await server.close()
    await quick.close()
  })

  it('reads its settings, and shows no value that it cannot use', () => {
    assert.deepEqual(
      readSettings({
        PORT: '0',
        ANTHROPIC_API_KEY: 'k',
        OPENAI_API_KEY: 'k',
        OPENAI_BASE_URL: 'http://a.example/x/',
      }),
      {
        port: 0,
        openai: { key: 'k', url: 'http://a.example/x' },
        anthropic: { key: 'k', url: 'https://api.anthropic.com/v1' },
      },
    )
    assert.deepEqual(readSettings({}), { port: 3000 })
    assert.deepEqual(readSettings({ KEEP_ALIVE: '50' }), { port: 3000, keepAlive: 50 })
    const urls = { OPENAI_BASE_URL: 'http://a', ANTHROPIC_BASE_URL: 'http://b' }
    assert.deepEqual(unusedUrls({ ...urls, OPENAI_API_KEY: 'k' }), ['ANTHROPIC_BASE_URL'])
    for (const env of [
      { PORT: 'secret' },
      { KEEP_ALIVE: 'secret' },
      { OPENAI_API_KEY: 'secret key' },
      { OPENAI_API_KEY: 'k', OPENAI_BASE_URL: 'secret' },
    ])
      assert.throws(
        () => readSettings(env),
        (error) => error instanceof SettingsError && !error.message.includes('secret'),
      )
  })

  it('says in one line that its port is in use', async () => {
    const taken = await listen(createServer())
    const child = spawn(process.execPath, ['--import', 'tsx', 'docs/llm-gateway/main.ts'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { ...process.env, PORT: new URL(taken.url).port },
    })
    let told = ''
    child.stderr.on('data', (chunk: Buffer) => (told += String(chunk)))
    const [code] = (await once(child, 'close')) as [number]
    assert.equal(code, 1)
    assert.match(told, /^Port \d+ is in use: set PORT to another one\.\n$/)
    await taken.close()
  })

  it('starts with one command, and ends at a signal', async () => {
    const root = join(import.meta.dirname, '../..')
    const child = spawn(process.execPath, ['--import', 'tsx', 'docs/llm-gateway/main.ts'], {
      cwd: root,
      env: { ...process.env, PORT: '0', OPENAI_API_KEY: '', ANTHROPIC_API_KEY: '' },
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => (out += String(chunk)))
    await until(() => /http:\/\/127\.0\.0\.1:\d+\/v1/.test(out) || child.exitCode !== null)
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+\/v1/.exec(out) ?? []
    assert.match(await (await fetch(`${url}/models`)).text(), /gpt-5/)
    child.kill('SIGTERM')
    await once(child, 'exit')
    assert.match(out, /"route":"\/v1\/models"/)
  })
})
