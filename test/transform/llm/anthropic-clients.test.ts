import assert from 'node:assert/strict'
import { createAnthropic } from '@ai-sdk/anthropic'
import Anthropic, {
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from '@anthropic-ai/sdk'
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import { openaiProvider } from '../../../docs/llm-gateway/providers/openai.js'
import { anthropicToOpenai } from '../../../src/llm.js'
import { type LlmGateway, startGateway } from '../../support/llm-gateway.js'
import { until } from '../../support/until.js'

const KEY = 'sk-gateway'
const SCHEMA = {
  type: 'object' as const,
  properties: { answer: { type: 'number' as const } },
  required: ['answer'],
  additionalProperties: false,
}
const CITY = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
}
const WEATHER: Anthropic.Tool = { name: 'weather', input_schema: CITY }
const user = (content: Anthropic.MessageParam['content']): Anthropic.MessageParam => ({
  role: 'user',
  content,
})

describe('anthropicToOpenai: clients of Anthropic in front of OpenAI', () => {
  let gateway: LlmGateway
  let anthropic: Anthropic

  before(async () => {
    const translator = anthropicToOpenai({ apiKey: KEY, models: { 'claude-opus': 'gpt-5' } })
    gateway = await startGateway(openaiProvider(KEY), translator, 'anthropic')
    anthropic = new Anthropic({ apiKey: 'sk-ant-client', baseURL: gateway.url, maxRetries: 0 })
  })
  beforeEach(() => {
    gateway.codes.length = 0
    gateway.tokens.length = 0
  })
  after(() => gateway.close())

  const params = (content: Anthropic.MessageParam['content'], more = {}) => ({
    model: 'claude-opus',
    max_tokens: 100,
    messages: [user(content)],
    ...more,
  })
  const ask = (content: string, more: object = {}) =>
    anthropic.messages.create(params(content, more)) as Promise<Anthropic.Message>
  const textIn = ({ content }: Anthropic.Message): string =>
    content.map((block) => (block.type === 'text' ? block.text : `[${block.type}]`)).join('')

  describe('@anthropic-ai/sdk', () => {
    it('reads a text, with its usage and fields', async () => {
      const { data, response } = await anthropic.messages
        .create(params('Hello', { system: 'Be brief.', thinking: { type: 'disabled' } }))
        .withResponse()
      assert.ok('content' in data)
      assert.deepEqual(
        [textIn(data), data.model, data.stop_reason],
        ['You said: Hello', 'claude-opus', 'end_turn'],
      )
      assert.deepEqual([data.usage.input_tokens, data.usage.cache_read_input_tokens], [10, 4])
      assert.equal(response.headers.get('request-id'), 'req_fake')
      assert.equal(response.headers.get('x-transform-ignored'), 'thinking')
      assert.equal(response.headers.get('anthropic-ratelimit-requests-limit'), '50')
      assert.equal(response.headers.get('openai-organization'), null)
      assert.deepEqual(gateway.tokens, [14])
    })

    it('reads a stream with its usage', async () => {
      const message = await anthropic.messages.stream(params('Hello there')).finalMessage()
      assert.deepEqual(
        [textIn(message), message.stop_reason, message.model],
        ['You said: Hello there', 'end_turn', 'claude-opus'],
      )
      assert.deepEqual([message.usage.input_tokens, message.usage.output_tokens], [10, 4])
      assert.deepEqual(gateway.tokens, [14])
    })

    it('reads images and PDF files', async () => {
      const message = await anthropic.messages.create(
        params([
          { type: 'text', text: 'What is this?' },
          {
            type: 'image',
            source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
          },
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBERi0=' },
          },
        ]),
      )
      assert.ok('content' in message)
      assert.equal(textIn(message), 'I see 2 attachments.')
    })

    for (const isSerial of [false, true])
      for (const isStream of [false, true])
        it(`runs tools ${isSerial ? 'in several rounds' : 'in parallel'}, ${isStream ? 'as a stream' : 'whole'}`, async () => {
          const messages = [user('The weather in Rome, Oslo and Lima?')]
          for (let round = 0; round < 5; round++) {
            const asked = {
              model: 'claude-opus',
              max_tokens: 100,
              messages,
              tools: [WEATHER],
              tool_choice: { type: 'auto', disable_parallel_tool_use: isSerial } as const,
            }
            const message = isStream
              ? await anthropic.messages.stream(asked).finalMessage()
              : await anthropic.messages.create(asked)
            if (message.stop_reason !== 'tool_use') {
              assert.equal(textIn(message), 'It is Rome 20 °C and Oslo 20 °C and Lima 20 °C.')
              return assert.equal(round, isSerial ? 3 : 1)
            }
            messages.push({ role: 'assistant', content: message.content })
            const calls = message.content.filter((block) => block.type === 'tool_use')
            assert.equal(calls.length, isSerial ? 1 : 3)
            messages.push(
              user(
                calls.map(({ id, input }) => ({
                  type: 'tool_result',
                  tool_use_id: id,
                  content: `${(input as { city: string }).city} 20 °C`,
                })),
              ),
            )
          }
          assert.fail('no end')
        })

    it('reads structured output', async () => {
      const message = await ask('How much?', {
        output_config: { format: { type: 'json_schema', schema: SCHEMA } },
      })
      assert.deepEqual(JSON.parse(textIn(message)), { answer: 42 })
    })

    it('reads why an answer ended', async () => {
      assert.equal((await ask('one two three', { max_tokens: 2 })).stop_reason, 'max_tokens')
      assert.equal((await ask('refuse')).stop_reason, 'refusal')
    })

    for (const [status, kind, type] of [
      [400, BadRequestError, 'invalid_request_error'],
      [404, NotFoundError, 'not_found_error'],
      [429, RateLimitError, 'rate_limit_error'],
      [529, InternalServerError, 'overloaded_error'],
    ] as const)
      it(`gets its own error for ${status}`, async () => {
        await assert.rejects(ask(`answer with ${status}`), (error) => {
          assert.ok(error instanceof kind, String(error))
          assert.deepEqual([error.status, error.type, error.requestID], [status, type, 'req_fake'])
          return true
        })
      })

    it('sees no part of the key that the provider has refused', async () => {
      const wrong = await startGateway(
        openaiProvider('sk-other'),
        anthropicToOpenai({ apiKey: KEY }),
        'anthropic',
      )
      try {
        const client = new Anthropic({ apiKey: 'x', baseURL: wrong.url, maxRetries: 0 })
        await assert.rejects(client.messages.create(params('Hello')), (error) => {
          assert.ok(error instanceof AuthenticationError)
          assert.doesNotMatch(error.message, /sk-abc|ther/)
          return true
        })
      } finally {
        await wrong.close()
      }
    })

    it('is told what cannot be translated, and where', async () => {
      await assert.rejects(ask('Hello', { stop_sequences: ['a', 'b', 'c', 'd', 'e'] }), (error) => {
        assert.ok(error instanceof BadRequestError)
        assert.match(error.message, /#\/stop_sequences/)
        return true
      })
      await assert.rejects(
        anthropic.messages.countTokens({ model: 'x', messages: [user('y')] }),
        NotFoundError,
      )
    })

    for (const [fault, expected] of [
      ['error', /Overloaded/],
      ['dies', /broke|ended|incomplete|connection/i],
      ['ends early', /broke|ended|incomplete|connection/i],
    ] as const)
      it(`gets an error in the middle of a stream: ${fault}`, async () => {
        await assert.rejects(
          anthropic.messages.stream(params(`fault: ${fault}`)).finalMessage(),
          expected,
        )
        if (fault !== 'error') assert.deepEqual(gateway.codes, ['upstream_response_incomplete'])
      })

    it('stops the provider when it aborts', async () => {
      const stream = anthropic.messages.stream(params('slowly'))
      for await (const event of stream) if (event.type === 'content_block_delta') break
      stream.abort()
      await until(() => gateway.provider.connections() === 0)
    })
  })

  describe('the AI SDK', () => {
    const base = () => ({
      model: createAnthropic({ apiKey: 'sk-ant-client', baseURL: `${gateway.url}/v1` })(
        'claude-opus',
      ),
      maxRetries: 0,
      maxOutputTokens: 100,
    })
    const tools = {
      weather: tool({
        inputSchema: jsonSchema<{ city: string }>(CITY),
        execute: ({ city }) => Promise.resolve(`${city} 20 °C`),
      }),
    }

    it('reads a text and a stream', async () => {
      const { text, usage } = await generateText({ ...base(), prompt: 'Hello' })
      assert.deepEqual([text, usage.inputTokens], ['You said: Hello', 14])
      const stream = streamText({ ...base(), prompt: 'Hello' })
      assert.equal(await stream.text, 'You said: Hello')
      assert.equal((await stream.usage).outputTokens, 3)
    })

    it('runs tools, whole and as a stream', async () => {
      const options = {
        ...base(),
        tools,
        stopWhen: stepCountIs(5),
        prompt: 'The weather in Rome and Oslo?',
      }
      assert.equal((await generateText(options)).text, 'It is Rome 20 °C and Oslo 20 °C.')
      assert.equal(await streamText(options).text, 'It is Rome 20 °C and Oslo 20 °C.')
    })

    it('reads structured output', async () => {
      const output = Output.object({ schema: jsonSchema<{ answer: number }>(SCHEMA) })
      const options = { anthropic: { structuredOutputMode: 'outputFormat' } }
      const { output: value } = await generateText({
        ...base(),
        output,
        providerOptions: options,
        prompt: 'How much?',
      })
      assert.deepEqual(value, { answer: 42 })
    })

    it('gets errors', async () => {
      await assert.rejects(generateText({ ...base(), prompt: 'answer with 529' }), /Overloaded/)
      const stream = streamText({ ...base(), prompt: 'fault: error', onError: () => undefined })
      const parts: string[] = []
      for await (const part of stream.fullStream) parts.push(part.type)
      assert.ok(parts.includes('error'), parts.join())
    })
  })
})
