import assert from 'node:assert/strict'
import { createOpenAI } from '@ai-sdk/openai'
import { ChatOpenAI } from '@langchain/openai'
import { generateText, jsonSchema, Output, stepCountIs, streamText, tool } from 'ai'
import OpenAI, {
  APIError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  RateLimitError,
} from 'openai'
import { anthropicProvider } from '../../../docs/llm-gateway/providers/anthropic.js'
import { openaiToAnthropic } from '../../../src/llm.js'
import { type LlmGateway, startGateway } from '../../support/llm-gateway.js'
import { until } from '../../support/until.js'

const KEY = 'sk-ant-gateway'
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
const WEATHER: OpenAI.ChatCompletionTool = {
  type: 'function',
  function: { name: 'weather', description: 'Tells the weather.', parameters: CITY },
}
const PNG = 'data:image/png;base64,iVBORw0KGgo='
const PDF = 'data:application/pdf;base64,JVBERi0='

describe('openaiToAnthropic: clients of OpenAI in front of Anthropic', () => {
  let gateway: LlmGateway
  let openai: OpenAI

  before(async () => {
    const translator = openaiToAnthropic({ apiKey: KEY, models: { 'gpt-5': 'claude-opus' } })
    gateway = await startGateway(anthropicProvider(KEY), translator, 'openai')
    openai = new OpenAI({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  })
  beforeEach(() => {
    gateway.codes.length = 0
    gateway.tokens.length = 0
  })
  after(() => gateway.close())

  const ask = (content: string, more: object = {}) =>
    openai.chat.completions.create({
      model: 'gpt-5',
      messages: [{ role: 'user', content }],
      ...more,
    })

  describe('openai', () => {
    it('reads a text, with its usage and fields', async () => {
      const { data, response, request_id } = await openai.chat.completions
        .create({
          model: 'gpt-5',
          messages: [
            { role: 'system', content: 'Be brief.' },
            { role: 'user', content: 'Hello' },
          ],
          seed: 1,
        })
        .withResponse()
      assert.equal(data.choices[0]?.message.content, 'You said: Hello')
      assert.equal(data.model, 'gpt-5')
      assert.deepEqual(
        [data.usage?.prompt_tokens, data.usage?.prompt_tokens_details?.cached_tokens],
        [14, 4],
      )
      assert.equal(request_id, 'req_fake')
      assert.equal(response.headers.get('x-transform-ignored'), 'seed')
      assert.equal(response.headers.get('x-ratelimit-limit-requests'), '50')
      assert.equal(response.headers.get('anthropic-organization-id'), null)
      assert.deepEqual(gateway.tokens, [14])
    })

    it('reads a stream with its usage', async () => {
      const stream = openai.chat.completions.stream({
        model: 'gpt-5',
        messages: [{ role: 'user', content: 'Hello there' }],
        stream_options: { include_usage: true },
      })
      const { choices, usage, model } = await stream.finalChatCompletion()
      assert.deepEqual(
        [choices[0]?.message.content, choices[0]?.finish_reason, model],
        ['You said: Hello there', 'stop', 'gpt-5'],
      )
      assert.equal(usage?.completion_tokens, 4)
      assert.deepEqual(gateway.tokens, [14])
    })

    it('reads images and PDF files', async () => {
      const content: OpenAI.ChatCompletionContentPart[] = [
        { type: 'text', text: 'What is this?' },
        { type: 'image_url', image_url: { url: PNG } },
        { type: 'file', file: { file_data: PDF, filename: 'a.pdf' } },
      ]
      const { choices } = await openai.chat.completions.create({
        model: 'gpt-5',
        messages: [{ role: 'user', content }],
      })
      assert.equal(choices[0]?.message.content, 'I see 2 attachments.')
    })

    for (const isSerial of [false, true])
      it(`runs tools ${isSerial ? 'in several rounds' : 'in parallel'}, as a stream`, async () => {
        const cities: string[] = []
        const runner = openai.chat.completions.runTools({
          model: 'gpt-5',
          stream: true,
          parallel_tool_calls: !isSerial,
          messages: [{ role: 'user', content: 'The weather in Rome, Oslo and Lima?' }],
          tools: [
            {
              type: 'function',
              function: {
                name: 'weather',
                description: 'Tells the weather.',
                parameters: CITY,
                parse: (text: string) => JSON.parse(text) as { city: string },
                function: ({ city }: { city: string }) => {
                  cities.push(city)
                  return `${city} 20 °C`
                },
              },
            },
          ],
        })
        assert.equal(await runner.finalContent(), 'It is Rome 20 °C and Oslo 20 °C and Lima 20 °C.')
        assert.deepEqual(cities, ['Rome', 'Oslo', 'Lima'])
      })

    it('reads calls of tools that it has asked for', async () => {
      const { choices } = await ask('Hello', { tools: [WEATHER], tool_choice: 'required' })
      assert.equal(choices[0]?.finish_reason, 'tool_calls')
      const [call] = choices[0]?.message.tool_calls ?? []
      assert.deepEqual(call, {
        id: 'toolu_0',
        type: 'function',
        function: { name: 'weather', arguments: '{"city":"Rome"}' },
      })
    })

    it('reads structured output', async () => {
      const { choices } = await openai.chat.completions.parse({
        model: 'gpt-5',
        messages: [{ role: 'user', content: 'How much?' }],
        response_format: {
          type: 'json_schema',
          json_schema: { name: 'x', strict: true, schema: SCHEMA },
        },
      })
      assert.deepEqual(choices[0]?.message.parsed, { answer: 42 })
    })

    it('reads why an answer ended', async () => {
      assert.equal(
        (await ask('one two three', { max_tokens: 2 })).choices[0]?.finish_reason,
        'length',
      )
      assert.equal((await ask('refuse')).choices[0]?.finish_reason, 'content_filter')
    })

    for (const [status, kind, code] of [
      [400, BadRequestError, 'context_length_exceeded'],
      [404, NotFoundError, 'model_not_found'],
      [429, RateLimitError, 'rate_limit_exceeded'],
      [529, InternalServerError, null],
    ] as const)
      it(`gets its own error for ${status}`, async () => {
        await assert.rejects(ask(`answer with ${status}`), (error) => {
          assert.ok(error instanceof kind, String(error))
          assert.deepEqual([error.status, error.code, error.requestID], [status, code, 'req_fake'])
          return true
        })
      })

    it('is told what cannot be translated, and where', async () => {
      await assert.rejects(ask('Hello', { n: 2 }), (error) => {
        assert.ok(error instanceof BadRequestError)
        assert.deepEqual([error.code, error.param], ['request_unsupported', '#/n'])
        return true
      })
      await assert.rejects(openai.embeddings.create({ model: 'x', input: 'y' }), NotFoundError)
    })

    it('repeats what the provider was too busy for', async () => {
      const patient = openai.withOptions({ maxRetries: 1 })
      const messages = [{ role: 'user', content: 'answer with 529' } as const]
      await assert.rejects(
        patient.chat.completions.create({ model: 'gpt-5', messages }),
        InternalServerError,
      )
      assert.equal(gateway.tokens.length, 2)
    })

    it('gets the error of a provider in the middle of a stream', async () => {
      const stream = await openai.chat.completions.create({
        model: 'gpt-5',
        messages: [{ role: 'user', content: 'fault: error' }],
        stream: true,
      })
      await assert.rejects(
        textOf(stream),
        (error) => error instanceof APIError && /Overloaded/.test(error.message),
      )
    })

    for (const [fault, code] of [
      ['dies', 'upstream_response_incomplete'],
      ['ends early', 'upstream_response_incomplete'],
    ] as const)
      it(`gets an error when the provider ${fault} in the middle of a stream`, async () => {
        const stream = await openai.chat.completions.create({
          model: 'gpt-5',
          messages: [{ role: 'user', content: `fault: ${fault}` }],
          stream: true,
        })
        await assert.rejects(
          textOf(stream),
          (error) => error instanceof APIError && error.code === code,
        )
        assert.deepEqual(gateway.codes, [code])
      })

    it('stops the provider when it aborts', async () => {
      const stream = await openai.chat.completions.create({
        model: 'gpt-5',
        messages: [{ role: 'user', content: 'slowly' }],
        stream: true,
      })
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
      await until(() => gateway.provider.connections() === 0)
    })
  })

  describe('the AI SDK', () => {
    const model = () =>
      createOpenAI({ apiKey: 'sk-client', baseURL: `${gateway.url}/v1` }).chat('gpt-5')
    const tools = {
      weather: tool({
        inputSchema: jsonSchema<{ city: string }>(CITY),
        execute: ({ city }) => Promise.resolve(`${city} 20 °C`),
      }),
    }
    const base = () => ({ model: model(), maxRetries: 0 })

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
      assert.deepEqual((await generateText({ ...base(), output, prompt: 'How much?' })).output, {
        answer: 42,
      })
    })

    it('gets errors', async () => {
      await assert.rejects(generateText({ ...base(), prompt: 'answer with 529' }), /Overloaded/)
      const stream = streamText({
        ...base(),
        prompt: 'fault: ends early',
        onError: () => undefined,
      })
      const parts: string[] = []
      for await (const part of stream.fullStream) parts.push(part.type)
      assert.ok(parts.includes('error'), parts.join())
    })
  })

  describe('langchain', () => {
    const model = () =>
      new ChatOpenAI({
        model: 'gpt-5',
        apiKey: 'sk-client',
        configuration: { baseURL: `${gateway.url}/v1` },
        maxRetries: 0,
        useResponsesApi: false,
      })

    it('reads a text and a stream', async () => {
      const { text, response_metadata } = await model().invoke('Hello')
      assert.deepEqual(
        [text, (response_metadata['tokenUsage'] as { promptTokens: number }).promptTokens],
        ['You said: Hello', 14],
      )
      let streamed = ''
      for await (const chunk of await model().stream('Hello')) streamed += chunk.text
      assert.equal(streamed, 'You said: Hello')
    })

    it('reads calls of tools and answers them', async () => {
      const bound = model().bindTools([WEATHER])
      const asked = { role: 'user', content: 'The weather in Rome and Oslo?' }
      const first = await bound.invoke([asked])
      assert.deepEqual(
        first.tool_calls?.map(({ args }) => args),
        [{ city: 'Rome' }, { city: 'Oslo' }],
      )
      const results = (first.tool_calls ?? []).map(({ id, args }) => ({
        role: 'tool',
        tool_call_id: id ?? '',
        content: `${String(args['city'])} 20 °C`,
      }))
      assert.equal(
        (await bound.invoke([asked, first, ...results])).text,
        'It is Rome 20 °C and Oslo 20 °C.',
      )
    })

    it('gets errors', async () => {
      await assert.rejects(model().invoke('answer with 400'), /prompt is too long/)
      await assert.rejects(async () => {
        for await (const chunk of await model().stream('fault: error')) void chunk
      }, /Overloaded/)
    })
  })

  it('reads 5 MB of image', async () => {
    const url = `data:image/png;base64,${'A'.repeat(5_000_000)}`
    const content = [{ type: 'image_url', image_url: { url } }] as const
    const { choices } = await openai.chat.completions.create({
      model: 'gpt-5',
      messages: [{ role: 'user', content: [...content] }],
    })
    assert.equal(choices[0]?.message.content, 'I see 1 attachments.')
  })

  it('sends a comment for each ping, in a stream as it comes', async () => {
    const response = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({
        model: 'gpt-5',
        stream: true,
        messages: [{ role: 'user', content: 'Hello' }],
      }),
    })
    assert.equal(response.headers.get('content-type'), 'text/event-stream')
    assert.match(await response.text(), /^data: \{.*\}\n\n:\ndata: \{/)
  })
})

async function textOf(stream: AsyncIterable<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = ''
  for await (const { choices } of stream) text += choices[0]?.delta.content ?? ''
  return text
}
