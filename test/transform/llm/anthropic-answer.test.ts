import assert from 'node:assert/strict'
import { anthropicToOpenai, openaiToAnthropic } from '../../../src/llm.js'
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

const translator = anthropicToOpenai({ models: { 'claude-opus': 'gpt-5' } })

function asked(more: object = {}): OneCall {
  const call = begin(translator)
  const messages = [{ role: 'user', content: 'Hello' }]
  translateRequest(
    call,
    { model: 'claude-opus', max_tokens: 9, messages, ...more },
    { path: '/v1/messages' },
  )
  return call
}

const USAGE = {
  prompt_tokens: 18,
  completion_tokens: 7,
  total_tokens: 25,
  prompt_tokens_details: { cached_tokens: 5, cache_write_tokens: 3 },
  completion_tokens_details: { reasoning_tokens: 2 },
}

function completion(message: object, finish_reason: unknown = 'stop'): object {
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5-2026',
    choices: [
      { index: 0, message: { role: 'assistant', content: null, ...message }, finish_reason },
    ],
    usage: USAGE,
  }
}

const answer = (message: object, finish?: unknown): Record<string, unknown> =>
  translateResponse(asked(), completion(message, finish)).body

const CALL = (id: string, args: string): object => ({
  id,
  type: 'function',
  function: { name: 'weather', arguments: args },
})

/** One chunk of a stream. */
const chunk = (delta: object, finish_reason: string | null = null, more: object = {}): object => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  model: 'gpt-5-2026',
  choices: [{ index: 0, delta, finish_reason }],
  ...more,
})
const tool = (index: number | undefined, id: string | undefined, args: string): object => ({
  tool_calls: [
    { index, id, type: 'function', function: { name: id && 'weather', arguments: args } },
  ],
})

/** The events of a stream of these chunks. */
function events(list: readonly object[], call = asked()): Record<string, unknown>[] {
  const transform = eventsOf(call)
  const out = list.flatMap((each) => [...transform.push({ data: JSON.stringify(each) })])
  return dataOf([...out, ...transform.end()])
}

interface Event {
  readonly type: string
  readonly index: number
  readonly content_block: { readonly type: string; readonly id?: string }
  readonly delta: {
    readonly text?: string
    readonly partial_json?: string
    readonly stop_reason?: string
  }
}

/** What clients put together from a stream; asserts that its blocks are strictly in order. */
function joined(list: readonly Record<string, unknown>[]): { blocks: unknown[]; stop: unknown } {
  const blocks: { type: string; id?: string; value: string }[] = []
  let open = false
  let stop: unknown
  const types = list.map(({ type }) => type)
  assert.equal(types[0], 'message_start')
  assert.deepEqual(types.slice(-2), ['message_delta', 'message_stop'])
  for (const event of list as unknown as Event[]) {
    if (event.type === 'message_delta') stop = event.delta.stop_reason
    if (!event.type.startsWith('content_block')) continue
    const begins = event.type === 'content_block_start'
    assert.notEqual(open, begins)
    if (begins) {
      const { type, id } = event.content_block
      blocks.push({ type, ...(id !== undefined && { id }), value: '' })
    }
    open = event.type !== 'content_block_stop'
    assert.equal(event.index, blocks.length - 1)
    const block = blocks.at(-1)
    if (block && event.type === 'content_block_delta')
      block.value += event.delta.text ?? event.delta.partial_json
  }
  assert.equal(open, false)
  return { blocks, stop }
}

describe('anthropicToOpenai: answers', () => {
  it('translates a completion, and names the model that was asked for', () => {
    const call = asked()
    assert.deepEqual(translateResponse(call, completion({ content: 'Hi' })).body, {
      id: 'chatcmpl-1',
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
    })
    assert.deepEqual(translator.usage(call.exchange), {
      inputTokens: 18,
      cachedTokens: 5,
      writtenTokens: 3,
      outputTokens: 7,
      reasoningTokens: 2,
    })
  })

  it('never counts fewer than no tokens, and lives without a usage', () => {
    const usage = {
      prompt_tokens: 2,
      completion_tokens: 1,
      prompt_tokens_details: { cached_tokens: 5 },
    }
    const { body } = translateResponse(asked(), { ...completion({ content: 'Hi' }), usage })
    assert.equal((body['usage'] as { input_tokens: number }).input_tokens, 0)
    assert.ok(
      translateResponse(asked(), { ...completion({ content: 'Hi' }), usage: undefined }).body[
        'usage'
      ],
    )
  })

  it('translates calls of tools, of which some servers say stop', () => {
    const calls = { content: '', tool_calls: [CALL('a', '{"city":"Rome"}'), CALL('b', '')] }
    for (const finish of ['tool_calls', 'function_call', 'stop'])
      assert.deepEqual(
        [answer(calls, finish)['content'], answer(calls, finish)['stop_reason']],
        [
          [
            { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'b', name: 'weather', input: {} },
          ],
          'tool_use',
        ],
      )
    assert.equal(answer({ content: 'Hi', tool_calls: [] })['stop_reason'], 'end_turn')
    for (const args of ['{', '[]', '1'])
      assertRefused(
        () => answer({ tool_calls: [CALL('a', args)] }),
        'upstream_response_invalid',
        '#/choices/0/message/tool_calls/0/function/arguments',
      )
  })

  for (const [finish, stop] of [
    ['stop', 'end_turn'],
    ['length', 'max_tokens'],
    ['tool_calls', 'tool_use'],
    ['content_filter', 'refusal'],
    [null, 'end_turn'],
    ['constructor', 'end_turn'],
  ] as const)
    it(`says ${stop} for ${finish}`, () => {
      assert.equal(answer({ content: 'Hi' }, finish)['stop_reason'], stop)
      if (finish !== null)
        assert.equal(joined(events([chunk({ content: 'Hi' }, finish)])).stop, stop)
    })

  it('says refusal where the model has refused, with its words as text', () => {
    const { content, stop_reason } = answer({ refusal: 'I will not.' })
    assert.deepEqual([content, stop_reason], [[{ type: 'text', text: 'I will not.' }], 'refusal'])
    assert.deepEqual(
      joined(events([chunk({ refusal: 'I will ' }), chunk({ refusal: 'not.' }, 'stop')])),
      {
        blocks: [{ type: 'text', value: 'I will not.' }],
        stop: 'refusal',
      },
    )
  })

  it('reads content in parts, without its reasoning', () => {
    const content = [
      { type: 'thinking', thinking: [] },
      { type: 'text', text: 'Hi' },
    ]
    assert.deepEqual(answer({ content })['content'], [{ type: 'text', text: 'Hi' }])
  })

  it('refuses an answer of another shape', () => {
    const wrong = [
      null,
      [],
      {},
      { error: { message: 'x' } },
      { ...completion({}), choices: [] },
      { ...completion({}), id: 5 },
      { ...completion({}), choices: [{}] },
      completion({ tool_calls: {} }),
      { ...completion({}), usage: { prompt_tokens: 'x' } },
    ]
    for (const body of wrong)
      assertRefused(() => translateResponse(asked(), body), 'upstream_response_invalid')
  })

  it('translates the fields of the response', () => {
    const headers = {
      'x-request-id': 'req_1',
      'openai-organization': 'org',
      'openai-processing-ms': '5',
      'x-ratelimit-limit-requests': '50',
      'x-ratelimit-remaining-tokens': '1000',
      'x-ratelimit-reset-tokens': '1m6.5s',
      'x-ratelimit-reset-requests': 'soon',
    }
    const fields = translateResponse(asked(), completion({}), { headers }).headers ?? {}
    const { 'anthropic-ratelimit-tokens-reset': reset, ...rest } = fields
    assert.ok(Math.abs(Date.parse(String(reset)) - Date.now() - 67_000) < 2000, String(reset))
    assert.deepEqual(rest, {
      'x-request-id': null,
      'openai-organization': null,
      'openai-processing-ms': null,
      'x-ratelimit-limit-requests': null,
      'x-ratelimit-remaining-tokens': null,
      'x-ratelimit-reset-tokens': null,
      'x-ratelimit-reset-requests': null,
      'request-id': 'req_1',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-tokens-remaining': '1000',
    })
    assert.equal(eventsOf(asked({ top_k: 1 }), headers).headers?.['X-Transform-Ignored'], 'top_k')
  })

  for (const [status, type] of [
    [400, 'invalid_request_error'],
    [401, 'authentication_error'],
    [403, 'permission_error'],
    [404, 'not_found_error'],
    [413, 'request_too_large'],
    [422, 'invalid_request_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [503, 'overloaded_error'],
    [504, 'timeout_error'],
    [529, 'overloaded_error'],
  ] as const)
    it(`translates an error ${status} to ${type}, with its status kept`, () => {
      const error = { message: 'Why', type: 'x', param: null, code: null }
      const change = translateResponse(
        asked(),
        { error },
        { status, headers: { 'x-request-id': 'r' } },
      )
      assert.equal(change.status, undefined)
      assert.deepEqual(change.body, {
        type: 'error',
        error: { type, message: 'Why' },
        request_id: 'r',
      })
    })

  it('says that the prompt is too long in the words that clients know', () => {
    const error = {
      message: "This model's maximum context length is 10.",
      code: 'context_length_exceeded',
    }
    const { body } = translateResponse(asked(), { error }, { status: 400 })
    assert.deepEqual(body['error'], {
      type: 'invalid_request_error',
      message: "prompt is too long: This model's maximum context length is 10.",
    })
  })
})

describe('anthropicToOpenai: streams', () => {
  for (const [name, blocks, stop, tokens] of [
    [
      'oa-azure-model-router.1.chunks.txt',
      [{ type: 'text', value: /^Capital of Denmark/ }],
      'end_turn',
      1,
    ],
    [
      'oa-deepseek-tool-call.chunks.txt',
      [{ type: 'tool_use', value: /^\{"location": ?"San Francisco.*\}$/ }],
      'tool_use',
      339,
    ],
    ['oa-groq-tool-call.chunks.txt', [{ type: 'tool_use', value: /^\{\}$/ }], 'tool_use', 210],
    ['oa-xai-tool-call.chunks.txt', [{ type: 'tool_use', value: /^\{.*\}$/ }], 'tool_use', 307],
  ] as const)
    it(`translates the recorded stream ${name}, in any split of its bytes`, () => {
      const bytes = recordedStream(name)
      const call = asked({ stream: true })
      const whole = translateStream(call, [bytes])
      const result = joined(dataOf(readEvents(whole)))
      assert.equal(result.stop, stop)
      assert.equal(result.blocks.length, blocks.length)
      for (const [at, { type, value }] of blocks.entries()) {
        const block = result.blocks[at] as { type: string; value: string }
        assert.equal(block.type, type)
        assert.match(block.value, value)
      }
      const usage = translator.usage(call.exchange)
      assert.ok((usage?.inputTokens ?? 0) >= tokens, JSON.stringify(usage))
      for (let at = 1; at < bytes.length; at += Math.ceil(bytes.length / 60))
        assert.equal(translateStream(asked(), [bytes.subarray(0, at), bytes.subarray(at)]), whole)
      assert.equal(
        translateStream(
          asked(),
          [...bytes].map((byte) => Uint8Array.of(byte)),
        ),
        whole,
      )
    })

  it('writes the events of the official API, with the usage at the end', () => {
    const call = asked()
    const list = events(
      [
        chunk({ role: 'assistant', content: '' }),
        chunk({ content: 'Hi' }),
        chunk({}, 'stop'),
        { ...chunk({}), choices: [], usage: USAGE },
      ],
      call,
    )
    assert.deepEqual(list, [
      {
        type: 'message_start',
        message: {
          id: 'chatcmpl-1',
          type: 'message',
          role: 'assistant',
          model: 'claude-opus',
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: {
            input_tokens: 0,
            cache_creation_input_tokens: 0,
            cache_read_input_tokens: 0,
            output_tokens: 0,
          },
        },
      },
      { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: 'end_turn', stop_sequence: null },
        usage: {
          input_tokens: 10,
          cache_creation_input_tokens: 3,
          cache_read_input_tokens: 5,
          output_tokens: 7,
        },
      },
      { type: 'message_stop' },
    ])
    assert.equal(translator.usage(call.exchange)?.outputTokens, 7)
  })

  it('names each event by its type', () => {
    for (const { event, data } of readEvents(
      translateStream(asked(), [recordedStream('oa-groq-tool-call.chunks.txt')]),
    ))
      assert.equal(event, (JSON.parse(data) as { type: string }).type)
  })

  it('sends text and tool of one chunk as two blocks', () => {
    assert.deepEqual(
      joined(events([chunk({ content: 'See: ', ...tool(0, 'a', '{}') }, 'tool_calls')])).blocks,
      [
        { type: 'text', value: 'See: ' },
        { type: 'tool_use', id: 'a', value: '{}' },
      ],
    )
  })

  it('lets the deltas of other tools, and later text, wait for their turn', () => {
    const list = [
      chunk({ content: 'Now' }),
      chunk(tool(0, 'a', '{"n":')),
      chunk(tool(1, 'b', '{"m"')),
      chunk({ content: 'Then' }),
      chunk(tool(0, undefined, '1}')),
      chunk(tool(1, undefined, ':2}')),
      chunk({ content: '.' }),
      chunk({}, 'tool_calls'),
    ]
    assert.deepEqual(joined(events(list)).blocks, [
      { type: 'text', value: 'Now' },
      { type: 'tool_use', id: 'a', value: '{"n":1}' },
      { type: 'tool_use', id: 'b', value: '{"m":2}' },
      { type: 'text', value: 'Then.' },
    ])
    const transform = eventsOf(asked())
    const at = list.map((each) => dataOf(transform.push({ data: JSON.stringify(each) })).length)
    assert.deepEqual(at, [3, 3, 0, 0, 1, 0, 0, 0], 'the first tool is not held up')
  })

  it('keeps what waits within a bound', () => {
    const big = 'x'.repeat(1024 * 1024)
    const list = [
      chunk(tool(0, 'a', '{')),
      ...Array.from({ length: 9 }, (_, at) => chunk(tool(1, at === 0 ? 'b' : undefined, big))),
    ]
    assertRefused(() => events(list), 'upstream_response_too_large')
  })

  it('understands servers that give each tool the index 0, or none, or no id', () => {
    const ids = (...list: object[]): unknown[] =>
      joined(events([...list.map((each) => chunk(each)), chunk({}, 'stop')])).blocks.map(
        (block) => [(block as { id: string }).id, (block as { value: string }).value],
      )
    assert.deepEqual(ids(tool(0, 'a', '{}'), tool(0, 'b', '{"x":1}')), [
      ['a', '{}'],
      ['b', '{"x":1}'],
    ])
    assert.deepEqual(ids(tool(undefined, 'a', '{'), tool(undefined, undefined, '}')), [['a', '{}']])
    const nameless = {
      tool_calls: [{ index: 0, id: '', function: { name: 'weather', arguments: '{}' } }],
    }
    assert.deepEqual(ids(nameless), [['call_0', '{}']])
    assertRefused(() => events([chunk(tool(3, undefined, '{}'))]), 'upstream_response_invalid')
  })

  it('reads content in parts, without its reasoning', () => {
    const content = [
      { type: 'thinking', thinking: [{ type: 'text', text: 'Hm' }] },
      { type: 'text', text: 'Hi' },
    ]
    const { blocks } = joined(events([chunk({ content }), chunk({ content: ' you' }, 'stop')]))
    assert.deepEqual(blocks, [{ type: 'text', value: 'Hi you' }])
  })

  it('keeps the connection alive with the comments of the provider', () => {
    const text = translateStream(asked(), [
      Buffer.from(': OPENROUTER PROCESSING\n\n'),
      recordedStream('oa-groq-tool-call.chunks.txt'),
    ])
    assert.match(text, /^: OPENROUTER PROCESSING\nevent: message_start\n/)
  })

  it('is complete when it ends after a reason, and incomplete before it', () => {
    assert.equal(joined(events([chunk({ content: 'Hi' }, 'length')])).stop, 'max_tokens')
    assertRefused(() => events([]), 'upstream_response_incomplete')
    assertRefused(() => events([chunk({ content: 'Hi' })]), 'upstream_response_incomplete')
    const transform = eventsOf(asked())
    assertRefused(() => transform.push({ data: '[DONE]' }), 'upstream_response_incomplete')
  })

  it('ends in the error of the provider', () => {
    for (const [error, type] of [
      [{ message: 'Slow down', type: 'rate_limit_error', code: null }, 'rate_limit_error'],
      [{ message: 'Slow down', code: 429 }, 'rate_limit_error'],
      [{ message: 'Slow down', type: 'constructor' }, 'api_error'],
    ] as const) {
      const transform = eventsOf(asked())
      const list = [chunk({ content: 'Hi' }), { error }, chunk({}, 'stop')]
      const out = list.flatMap((each) => [...transform.push({ data: JSON.stringify(each) })])
      assert.equal(out.at(-1)?.event, 'error')
      assert.deepEqual(JSON.parse(out.at(-1)?.data ?? ''), {
        type: 'error',
        error: { type, message: 'Slow down' },
      })
      assert.deepEqual([...transform.end()], [])
    }
  })

  it('is refused where a chunk has another shape', () => {
    const push = (data: string): void => void [...eventsOf(asked()).push({ data })]
    for (const data of [
      '',
      '{',
      'null',
      '[]',
      '{}',
      '{"choices":[null]}',
      '{"choices":[{}]}',
      '{"id":"a","choices":[{"delta":5}]}',
      '{"id":"a","choices":[{"delta":{"tool_calls":[5]}}]}',
    ])
      assertRefused(() => push(data), 'upstream_response_invalid')
  })
})

describe('both translators', () => {
  for (const name of [
    'anthropic-text.chunks.txt',
    'anthropic-tool-no-args.chunks.txt',
    'anthropic-refusal.chunks.txt',
    'anthropic-json-output-format.1.chunks.txt',
    'anthropic-message-delta-input-tokens.chunks.txt',
  ])
    it(`give the recorded stream ${name} back after a way there and back`, () => {
      const there = begin(openaiToAnthropic())
      const ask = {
        model: 'm',
        messages: [{ role: 'user', content: 'x' }],
        stream: true,
        stream_options: { include_usage: true },
      }
      translateRequest(there, ask)
      const middle = translateStream(there, [recordedStream(name)])
      const back = joined(dataOf(readEvents(translateStream(asked(), [Buffer.from(middle)]))))
      const original = joined(
        recorded(name)
          .map((line) => JSON.parse(line) as Record<string, unknown>)
          .filter(({ type }) => type !== 'ping'),
      )
      // A tool without arguments has the text {} in OpenAI's API.
      const plain = JSON.stringify(original).replace(
        '"value":""}],"stop":"tool_use"',
        '"value":"{}"}],"stop":"tool_use"',
      )
      assert.equal(JSON.stringify(back), plain)
    })

  for (const name of [
    'oa-deepseek-tool-call.chunks.txt',
    'oa-groq-tool-call.chunks.txt',
    'oa-xai-tool-call.chunks.txt',
    'oa-azure-model-router.1.chunks.txt',
  ])
    it(`give the recorded stream ${name} back after a way there and back`, () => {
      const middle = translateStream(asked(), [recordedStream(name)])
      const back = begin(openaiToAnthropic())
      translateRequest(back, { model: 'm', messages: [{ role: 'user', content: 'x' }] })
      const again = translateStream(back, [Buffer.from(middle)])
      const once = joined(dataOf(readEvents(middle)))
      assert.deepEqual(
        joined(dataOf(readEvents(translateStream(asked(), [Buffer.from(again)])))),
        once,
      )
      assert.match(again, /data: \[DONE\]\n\n$/)
    })
})
