import assert from 'node:assert/strict'
import {
  type Arbitrary,
  assert as check,
  constantFrom,
  jsonValue,
  oneof,
  property,
} from 'fast-check'
import { GatewayError } from '../../../src/errors/gateway-error.js'
import { anthropicToOpenai, openaiToAnthropic } from '../../../src/llm.js'
import {
  begin,
  eventsOf,
  recorded,
  translateRequest,
  translateResponse,
} from '../../support/llm.js'

const CHAT = {
  model: 'm',
  messages: [
    { role: 'system', content: [{ type: 'text', text: 'a' }] },
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
        { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==' } },
      ],
    },
    {
      role: 'assistant',
      content: 'b',
      tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
    },
    { role: 'tool', tool_call_id: 'a', content: 'c' },
  ],
  tools: [{ type: 'function', function: { name: 'f', parameters: {} } }],
  tool_choice: { type: 'function', function: { name: 'f' } },
  response_format: { type: 'json_schema', json_schema: { name: 'n', schema: {} } },
  stop: ['a'],
  stream_options: { include_usage: true },
}
const MESSAGE = {
  model: 'm',
  max_tokens: 5,
  system: [{ type: 'text', text: 'a' }],
  messages: [
    {
      role: 'user',
      content: [
        { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AA==' } },
      ],
    },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'a', name: 'f', input: {} }] },
    {
      role: 'user',
      content: [
        {
          type: 'tool_result',
          tool_use_id: 'a',
          content: [{ type: 'text', text: 'c' }],
          is_error: true,
        },
      ],
    },
  ],
  tools: [{ name: 'f', input_schema: {} }],
  tool_choice: { type: 'tool', name: 'f' },
  output_config: { format: { type: 'json_schema', schema: {} }, effort: 'low' },
}
const COMPLETION = {
  id: 'a',
  choices: [
    { message: { content: 'a', tool_calls: CHAT.messages[2]?.tool_calls }, finish_reason: 'stop' },
  ],
  usage: { prompt_tokens: 1, prompt_tokens_details: { cached_tokens: 1 } },
}
const ANSWER = {
  id: 'a',
  type: 'message',
  content: [
    { type: 'text', text: 'a' },
    { type: 'tool_use', id: 'a', name: 'f', input: {} },
  ],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1 },
}

/** A value with something else at one place. */
const spoiled = (value: unknown): Arbitrary<unknown> => {
  const other = oneof(
    jsonValue(),
    constantFrom('text', 'tool_use', '__proto__', 'constructor', -1, 1e300),
  )
  if (typeof value !== 'object' || value === null) return other
  const names = Object.keys(value)
  if (names.length === 0) return other
  const inside = constantFrom(...names).chain((name) =>
    spoiled(Reflect.get(value, name)).map((changed): unknown => {
      const copy: object = Array.isArray(value) ? [...(value as unknown[])] : { ...value }
      Reflect.set(copy, name, changed)
      return copy
    }),
  )
  return oneof({ weight: 1, arbitrary: other }, { weight: 8, arbitrary: inside })
}

/** Passes, or fails with one of these codes and with nothing else. */
function assertClean(run: () => unknown, ...codes: string[]): void {
  try {
    run()
  } catch (error) {
    assert.ok(GatewayError.is(error), error instanceof Error ? error.stack : String(error))
    assert.ok(codes.includes(error.code), error.code)
  }
}

const RUNS = { numRuns: 1500 }
const REQUEST = ['request_invalid', 'request_unsupported']
const RESPONSE = ['upstream_response_invalid', 'upstream_response_incomplete']

describe('translators of whatever others send', () => {
  it('translate a request to OpenAI, or refuse it', () => {
    check(
      property(spoiled(CHAT), (body) =>
        assertClean(() => translateRequest(begin(openaiToAnthropic()), body), ...REQUEST),
      ),
      RUNS,
    )
  })

  it('translate a request to Anthropic, or refuse it', () => {
    const at = { path: '/v1/messages' }
    check(
      property(spoiled(MESSAGE), (body) =>
        assertClean(() => translateRequest(begin(anthropicToOpenai()), body, at), ...REQUEST),
      ),
      RUNS,
    )
  })

  it('translate an answer, or refuse it', () => {
    check(
      property(spoiled(ANSWER), (body) =>
        assertClean(
          () => translateResponse(begin(openaiToAnthropic()), JSON.stringify(body)),
          ...RESPONSE,
        ),
      ),
      RUNS,
    )
    check(
      property(spoiled(COMPLETION), (body) =>
        assertClean(
          () => translateResponse(begin(anthropicToOpenai()), JSON.stringify(body)),
          ...RESPONSE,
        ),
      ),
      RUNS,
    )
  })

  it('translate any error', () => {
    check(
      property(spoiled({ error: { message: 'a', type: 'b', code: 'c' } }), (body) => {
        for (const translator of [openaiToAnthropic(), anthropicToOpenai()])
          assert.ok(
            translateResponse(begin(translator), JSON.stringify(body), { status: 400 }).body,
          )
      }),
      RUNS,
    )
  })

  for (const [name, translator] of [
    ['anthropic-tool-no-args.chunks.txt', openaiToAnthropic()],
    ['oa-groq-tool-call.chunks.txt', anthropicToOpenai()],
  ] as const)
    it(`translate a stream like ${name}, or break it off`, () => {
      const lines = recorded(name).map((line) => JSON.parse(line) as unknown)
      check(
        property(spoiled(lines), (list) =>
          assertClean(
            () => {
              const events = eventsOf(begin(translator))
              for (const data of Array.isArray(list) ? list : [list])
                for (const event of events.push({ data: JSON.stringify(data) })) void event
              for (const event of events.end()) void event
            },
            ...RESPONSE,
          ),
        ),
        RUNS,
      )
    })
})
