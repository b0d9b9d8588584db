import assert from 'node:assert/strict'
import { openaiToAnthropic } from '../../../src/llm.js'
import type { Chunk } from '../../../src/transform/llm/openai.js'
import {
  assertRefused,
  begin,
  dataOf,
  eventsOf,
  type OneCall,
  readEvents,
  recorded,
  recordedStream,
  translateRequest,
  translateResponse,
  translateStream,
} from '../../support/llm.js'

const translator = openaiToAnthropic({ models: { 'gpt-5': 'claude-opus' } })

function asked(more: object = {}, by = translator): OneCall {
  const call = begin(by)
  translateRequest(call, {
    model: 'gpt-5',
    messages: [{ role: 'user', content: 'Hello' }],
    ...more,
  })
  return call
}

const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude-opus',
  content: [{ type: 'text', text: 'Hi' }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: {
    input_tokens: 10,
    cache_creation_input_tokens: 3,
    cache_read_input_tokens: 5,
    output_tokens: 7,
  },
}

interface Choice {
  readonly message: Record<string, unknown>
  readonly finish_reason: string
}

const choice = (message: object, by = translator): Choice =>
  (translateResponse(asked({}, by), { ...MESSAGE, ...message }).body as { choices: [Choice] })
    .choices[0]

const STREAM = { stream: true, stream_options: { include_usage: true } }

/** The chunks of a stream of these events. */
function chunks(events: readonly object[], call = asked(STREAM)): Record<string, unknown>[] {
  const transform = eventsOf(call)
  const out = events.flatMap((event) => [...transform.push({ data: JSON.stringify(event) })])
  return dataOf([...out, ...transform.end()])
}

const start = { type: 'message_start', message: { ...MESSAGE, content: [] } }
const stop = [
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 9 } },
  { type: 'message_stop' },
]
const delta = (index: number, what: object): object => ({
  type: 'content_block_delta',
  index,
  delta: what,
})

/** What clients put together from a stream. */
function joined(list: readonly Record<string, unknown>[]): {
  text: string
  tools: unknown[]
  finish: unknown
} {
  let text = ''
  let finish: unknown
  const tools: { id?: string; name?: string; arguments: string }[] = []
  for (const { choices } of list as unknown as Pick<Chunk, 'choices'>[])
    for (const each of choices) {
      text += each.delta.content ?? ''
      finish ??= each.finish_reason
      for (const { index, id, function: part } of each.delta.tool_calls ?? []) {
        const tool = (tools[index] ??= { arguments: '' })
        if (id !== undefined) Object.assign(tool, { id, name: part.name })
        tool.arguments += part.arguments
      }
    }
  return { text, tools, finish }
}

describe('openaiToAnthropic: answers', () => {
  it('translates a recorded answer, and names the model that was asked for', () => {
    const { body } = translateResponse(asked(), recorded('anthropic-text.json').join('\n'))
    const { created, ...rest } = body
    assert.ok(Math.abs(Number(created) - Date.now() / 1000) < 5)
    assert.deepEqual(rest, {
      id: 'msg_01VdEjxAP5ahtHKrrRdNBteQ',
      object: 'chat.completion',
      model: 'gpt-5',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content:
              "Hello! I'm doing well, thanks for asking. How are you doing today? Is there anything I can help you with?",
            refusal: null,
          },
          logprobs: null,
          finish_reason: 'stop',
        },
      ],
      usage: {
        prompt_tokens: 12,
        completion_tokens: 29,
        total_tokens: 41,
        prompt_tokens_details: { cached_tokens: 0 },
        completion_tokens_details: { reasoning_tokens: 0 },
      },
    })
  })

  it('counts what was read from the cache and written to it as tokens of the prompt', () => {
    const call = asked()
    const { usage } = translateResponse(call, MESSAGE).body
    assert.deepEqual(usage, {
      prompt_tokens: 18,
      completion_tokens: 7,
      total_tokens: 25,
      prompt_tokens_details: { cached_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 0 },
    })
    assert.deepEqual(translator.usage(call.exchange), {
      inputTokens: 18,
      cachedTokens: 5,
      writtenTokens: 3,
      outputTokens: 7,
      reasoningTokens: 0,
    })
    assert.equal(openaiToAnthropic().usage(call.exchange), undefined)
  })

  it('translates texts and several calls of tools', () => {
    const use = (id: string, input: object): object => ({
      type: 'tool_use',
      id,
      name: 'weather',
      input,
    })
    const content = [
      { type: 'text', text: 'Let me ' },
      { type: 'text', text: 'see.' },
      use('a', { city: 'Rome' }),
      use('b', {}),
    ]
    const { message, finish_reason } = choice({ content, stop_reason: 'tool_use' })
    assert.deepEqual([message['content'], finish_reason], ['Let me see.', 'tool_calls'])
    assert.deepEqual(message['tool_calls'], [
      { id: 'a', type: 'function', function: { name: 'weather', arguments: '{"city":"Rome"}' } },
      { id: 'b', type: 'function', function: { name: 'weather', arguments: '{}' } },
    ])
    assert.equal(choice({ content: [use('a', {})] }).message['content'], null)
  })

  it('leaves thinking out, or sends it as reasoning_content', () => {
    const content = [{ type: 'thinking', thinking: 'Hm', signature: 's' }, ...MESSAGE.content]
    assert.ok(!('reasoning_content' in choice({ content }).message))
    const shown = openaiToAnthropic({ reasoning: 'reasoning_content' })
    assert.equal(choice({ content }, shown).message['reasoning_content'], 'Hm')
    assert.equal(choice({ content }, shown).message['content'], 'Hi')
  })

  for (const [reason, finish] of [
    ['end_turn', 'stop'],
    ['stop_sequence', 'stop'],
    ['pause_turn', 'stop'],
    ['max_tokens', 'length'],
    ['model_context_window_exceeded', 'length'],
    ['tool_use', 'tool_calls'],
    ['refusal', 'content_filter'],
    ['constructor', 'stop'],
  ] as const)
    it(`says ${finish} for ${reason}`, () => {
      assert.equal(choice({ stop_reason: reason }).finish_reason, finish)
      const list = chunks([
        start,
        { ...stop[0], delta: { stop_reason: reason } },
        { type: 'message_stop' },
      ])
      assert.equal(joined(list).finish, finish)
    })

  it('refuses an answer of another shape', () => {
    for (const body of [
      null,
      [],
      {},
      { ...MESSAGE, content: null },
      { ...MESSAGE, content: [null] },
      { ...MESSAGE, id: 1 },
      { ...MESSAGE, usage: { input_tokens: 'x' } },
    ])
      assertRefused(() => translateResponse(asked(), body), 'upstream_response_invalid')
  })

  it('translates the fields of the response', () => {
    const headers = {
      'request-id': 'req_1',
      'anthropic-organization-id': 'org',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-requests-reset': new Date(Date.now() + 59_500).toISOString(),
      'anthropic-ratelimit-tokens-remaining': '1000',
      'retry-after': '3',
    }
    const fields = translateResponse(asked(), MESSAGE, { headers }).headers ?? {}
    const { 'x-ratelimit-reset-requests': reset, ...rest } = fields
    assert.match(String(reset), /^(59|60)s$/)
    assert.deepEqual(rest, {
      'request-id': null,
      'anthropic-organization-id': null,
      'anthropic-ratelimit-requests-limit': null,
      'anthropic-ratelimit-requests-remaining': null,
      'anthropic-ratelimit-requests-reset': null,
      'anthropic-ratelimit-tokens-remaining': null,
      'x-request-id': 'req_1',
      'x-ratelimit-limit-requests': '50',
      'x-ratelimit-remaining-requests': '49',
      'x-ratelimit-remaining-tokens': '1000',
    })
    assert.equal(eventsOf(asked({ seed: 1 }), headers).headers?.['x-request-id'], 'req_1')
    assert.equal(eventsOf(asked({ seed: 1 })).headers?.['X-Transform-Ignored'], 'seed')
  })

  for (const [status, type, openaiType, code] of [
    [400, 'invalid_request_error', 'invalid_request_error', null],
    [401, 'authentication_error', 'authentication_error', 'invalid_api_key'],
    [403, 'permission_error', 'permission_error', null],
    [404, 'not_found_error', 'not_found_error', 'model_not_found'],
    [413, 'request_too_large', 'invalid_request_error', null],
    [429, 'rate_limit_error', 'rate_limit_error', 'rate_limit_exceeded'],
    [500, 'api_error', 'server_error', null],
    [529, 'overloaded_error', 'server_error', null],
  ] as const)
    it(`translates the error ${status} ${type}, with its status kept`, () => {
      const body = { type: 'error', error: { type, message: 'Why' }, request_id: 'req_1' }
      const change = translateResponse(asked(), body, { status })
      assert.equal(change.status, undefined)
      assert.deepEqual(change.body, {
        error: { message: 'Why', type: openaiType, param: null, code },
      })
    })

  it('says context_length_exceeded where the prompt is too long', () => {
    const error = {
      type: 'invalid_request_error',
      message: 'prompt is too long: 210000 tokens > 200000',
    }
    const { body } = translateResponse(asked(), { type: 'error', error }, { status: 400 })
    assert.equal((body['error'] as { code: string }).code, 'context_length_exceeded')
  })

  it('shows no page of a CDN, and no part of a key', () => {
    const error = (body: unknown): string =>
      (translateResponse(asked(), body, { status: 502 }).body['error'] as { message: string })
        .message
    assert.equal(error('<html>nginx 10.0.0.1</html>'), 'The provider answered with status 502.')
    assert.equal(error({ error: 'text' }), 'The provider answered with status 502.')
    assert.equal(
      error({ error: { message: 'Wrong key: sk-ant-abc***def.' } }),
      'Wrong key: [removed]',
    )
  })
})

describe('openaiToAnthropic: streams', () => {
  for (const [name, expected] of [
    [
      'anthropic-text.chunks.txt',
      { text: /^Hello! I'm doing well.*help you with\?$/, tools: [], finish: 'stop' },
    ],
    [
      'anthropic-tool-no-args.chunks.txt',
      {
        text: /for you\.$/,
        tools: [{ id: 'toolu_01QE1WLsSVp5hy5Q3GmGTmjP', name: 'updateIssueList', arguments: '{}' }],
        finish: 'tool_calls',
      },
    ],
    ['anthropic-refusal.chunks.txt', { text: /^$/, tools: [], finish: 'content_filter' }],
    [
      'anthropic-clear-thinking.1.chunks.txt',
      { text: /^925 ÷ 5 = 185$/, tools: [], finish: 'stop' },
    ],
    ['anthropic-json-output-format.1.chunks.txt', { text: /^\{.*\}$/s, tools: [], finish: 'stop' }],
    [
      'anthropic-message-delta-input-tokens.chunks.txt',
      { text: /^pong$/, tools: [], finish: 'stop' },
    ],
  ] as const)
    it(`translates the recorded stream ${name}, in any split of its bytes`, () => {
      const bytes = recordedStream(name)
      const whole = translateStream(asked(STREAM), [bytes])
      const { text, tools, finish } = joined(dataOf(readEvents(whole)))
      assert.match(text, expected.text)
      assert.deepEqual([tools, finish], [expected.tools, expected.finish])
      assert.match(whole, /data: \[DONE\]\n\n$/)
      const plain = withoutTime(whole)
      for (let at = 1; at < bytes.length; at += bytes.length > 3000 ? 97 : 7)
        assert.equal(
          withoutTime(translateStream(asked(STREAM), [bytes.subarray(0, at), bytes.subarray(at)])),
          plain,
        )
      assert.equal(
        withoutTime(
          translateStream(
            asked(STREAM),
            [...bytes].map((byte) => Uint8Array.of(byte)),
          ),
        ),
        plain,
      )
    })

  const withoutTime = (text: string): string => text.replace(/"created":\d+/g, '')

  it('writes the chunks of the official API', () => {
    const call = asked(STREAM)
    const [role, text, finish, usage] = chunks(
      [
        start,
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
        delta(0, { type: 'text_delta', text: '' }),
        delta(0, { type: 'text_delta', text: 'Hi' }),
        { type: 'content_block_stop', index: 0 },
        { type: 'made_up_event' },
        ...stop,
      ],
      call,
    )
    const chunk = {
      id: 'msg_1',
      object: 'chat.completion.chunk',
      created: role?.['created'],
      model: 'gpt-5',
    }
    const said = (what: object, finish_reason: string | null = null): object => ({
      ...chunk,
      choices: [{ index: 0, delta: what, logprobs: null, finish_reason }],
      usage: null,
    })
    assert.deepEqual(role, said({ role: 'assistant', content: '' }))
    assert.deepEqual(text, said({ content: 'Hi' }))
    assert.deepEqual(finish, said({}, 'stop'))
    const tokens = {
      prompt_tokens: 18,
      completion_tokens: 9,
      total_tokens: 27,
      prompt_tokens_details: { cached_tokens: 5 },
      completion_tokens_details: { reasoning_tokens: 0 },
    }
    assert.deepEqual(usage, { ...chunk, choices: [], usage: tokens })
    assert.equal(translator.usage(call.exchange)?.outputTokens, 9)
  })

  it('sends the usage only where it was asked for', () => {
    const list = chunks([start, ...stop], asked({ stream: true }))
    assert.deepEqual(
      list.map((chunk) => 'usage' in chunk),
      [false, false],
    )
  })

  it('takes the numbers of the last event for those of the first', () => {
    const call = asked(STREAM)
    translateStream(call, [recordedStream('anthropic-message-delta-input-tokens.chunks.txt')])
    assert.equal(translator.usage(call.exchange)?.inputTokens, 61)
  })

  it('numbers parallel tools from 0, and gives those without deltas the arguments {}', () => {
    const tool = (index: number, id: string, input: object = {}): object => ({
      type: 'content_block_start',
      index,
      content_block: { type: 'tool_use', id, name: 'weather', input },
    })
    const json = (index: number, partial_json: string): object =>
      delta(index, { type: 'input_json_delta', partial_json })
    const end = (index: number): object => ({ type: 'content_block_stop', index })
    const list = chunks([
      start,
      tool(1, 'a'),
      json(1, ''),
      json(1, '{"a":'),
      json(1, '1}'),
      end(1),
      tool(2, 'b'),
      json(2, ''),
      end(2),
      tool(3, 'c', { x: 1 }),
      end(3),
      ...stop,
    ])
    assert.deepEqual(joined(list).tools, [
      { id: 'a', name: 'weather', arguments: '{"a":1}' },
      { id: 'b', name: 'weather', arguments: '{}' },
      { id: 'c', name: 'weather', arguments: '{"x":1}' },
    ])
  })

  it('leaves thinking out, or sends it as reasoning_content', () => {
    const bytes = recordedStream('anthropic-clear-thinking.1.chunks.txt')
    assert.doesNotMatch(translateStream(asked(STREAM), [bytes]), /The previous|EvQBCk/)
    const shown = translateStream(
      asked(STREAM, openaiToAnthropic({ reasoning: 'reasoning_content' })),
      [bytes],
    )
    assert.match(shown, /"reasoning_content":"The previous"/)
    assert.doesNotMatch(shown, /EvQBCk|"reasoning_content":""/)
  })

  it('keeps the connection alive with an empty comment for each ping, and with the comments of the provider', () => {
    const text = translateStream(asked(), [
      Buffer.from('event: ping\ndata: {"type":"ping"}\n\n: wait\n'),
      recordedStream('anthropic-text.chunks.txt'),
    ])
    assert.match(text, /^:\n: wait\ndata: /)
  })

  it('ends in the error of the provider, in the form that all clients read, and not in [DONE]', () => {
    const error = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    const transform = eventsOf(asked(STREAM))
    const events = [start, error, ...stop].flatMap((event) => [
      ...transform.push({ data: JSON.stringify(event) }),
    ])
    assert.equal(events.length, 2)
    assert.equal(events[1]?.event, 'error')
    const inner = { message: 'Overloaded', type: 'server_error', param: null, code: null }
    assert.deepEqual(JSON.parse(events[1]?.data ?? ''), {
      type: 'error',
      sequence_number: 0,
      code: null,
      message: 'Overloaded',
      param: null,
      error: inner,
    })
    assert.deepEqual([...transform.end()], [])
  })

  it('is incomplete without the last event, wherever it ends', () => {
    const lines = recorded('anthropic-text.chunks.txt').map((line) => JSON.parse(line) as object)
    for (let count = 0; count < lines.length; count++)
      assertRefused(() => chunks(lines.slice(0, count)), 'upstream_response_incomplete')
    assertRefused(() => chunks([start, { type: 'message_stop' }]), 'upstream_response_incomplete')
  })

  it('is refused where an event has another shape', () => {
    const transform = (data: string): void => void [...eventsOf(asked()).push({ data })]
    for (const data of [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '{"type":"message_stop"}',
      '{"type":"message_start"}',
    ])
      assertRefused(() => transform(data), 'upstream_response_invalid')
    for (const event of [
      delta(0, {}),
      delta(0, { type: 'text_delta' }),
      delta(9, { type: 'input_json_delta', partial_json: '{}' }),
      { type: 'content_block_start', index: 0 },
      { type: 'message_delta' },
    ])
      assertRefused(() => chunks([start, event]), 'upstream_response_invalid')
  })
})
