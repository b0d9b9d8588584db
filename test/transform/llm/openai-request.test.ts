import assert from 'node:assert/strict'
import { openaiToAnthropic } from '../../../src/llm.js'
import { assertRefused, begin, translateRequest, translateResponse } from '../../support/llm.js'

const HELLO = [{ role: 'user', content: 'Hello' }]
const MESSAGE = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'claude',
  content: [{ type: 'text', text: 'Hi' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
}

const translator = openaiToAnthropic({ models: { 'gpt-5': 'claude-opus' }, maxTokens: 1000 })

const request = (more: object): Record<string, unknown> =>
  translateRequest(begin(translator), { model: 'gpt-5', messages: HELLO, ...more }).body

const messages = (...list: object[]): unknown => request({ messages: list })['messages']

function ignored(more: object): string | null | undefined {
  const call = begin(translator)
  translateRequest(call, { model: 'gpt-5', messages: HELLO, ...more })
  return translateResponse(call, MESSAGE).headers?.['X-Transform-Ignored']
}

const refused = (more: object, pointer: string): void =>
  assertRefused(() => request(more), 'request_unsupported', pointer)

const invalid = (more: object, pointer: string): void =>
  assertRefused(() => request(more), 'request_invalid', pointer)

const text = (...texts: string[]): object[] => texts.map((each) => ({ type: 'text', text: each }))
const PNG = 'data:image/png;base64,iVBORw0KGgo='
const FUNCTION = { name: 'weather', parameters: { type: 'object', properties: {} } }
const TOOLS = [{ type: 'function', function: FUNCTION }]
const CALL = {
  id: 'call_1',
  type: 'function',
  function: { name: 'weather', arguments: '{"city":"Rome"}' },
}

describe('openaiToAnthropic: requests', () => {
  it('asks for the mapped model, and sets the bound that the Messages API needs', () => {
    assert.deepEqual(request({}), {
      model: 'claude-opus',
      max_tokens: 1000,
      messages: [{ role: 'user', content: text('Hello') }],
    })
    assert.equal(request({ model: 'claude-haiku' })['model'], 'claude-haiku')
    assert.equal(request({ model: '__proto__' })['model'], '__proto__')
  })

  it('takes max_completion_tokens before max_tokens', () => {
    assert.equal(request({ max_tokens: 7 })['max_tokens'], 7)
    assert.equal(request({ max_tokens: 7, max_completion_tokens: 8 })['max_tokens'], 8)
    assert.equal(request({ max_tokens: null })['max_tokens'], 1000)
    invalid({ max_tokens: 0 }, '#/max_tokens')
  })

  it('moves system and developer messages to system, and tells of those that it has moved', () => {
    const list = [
      { role: 'system', content: 'Be brief.' },
      { role: 'developer', content: text('Be kind.') },
      ...HELLO,
      { role: 'system', content: 'Be quick.' },
    ]
    assert.equal(request({ messages: list })['system'], 'Be brief.\nBe kind.\nBe quick.')
    assert.equal(ignored({ messages: list }), 'messages.system')
    assert.equal(ignored({ messages: list.slice(0, 3) }), undefined)
  })

  it('translates images as data URLs and https URLs', () => {
    const image = (url: string): object => ({
      type: 'image_url',
      image_url: { url, detail: 'high' },
    })
    assert.deepEqual(
      messages({ role: 'user', content: [image(PNG), image('https://a.example/b.png')] }),
      [
        {
          role: 'user',
          content: [
            {
              type: 'image',
              source: { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' },
            },
            { type: 'image', source: { type: 'url', url: 'https://a.example/b.png' } },
          ],
        },
      ],
    )
    const messagesWith = (detail: string) => [
      { role: 'user', content: [{ type: 'image_url', image_url: { url: PNG, detail } }] },
    ]
    assert.equal(ignored({ messages: messagesWith('low') }), 'messages.content.image_url.detail')
    assert.equal(ignored({ messages: messagesWith('auto') }), undefined)
    for (const url of [
      'data:image/bmp;base64,AA==',
      'http://a.example/b.png',
      'data:image/png,raw',
      '',
    ])
      refused(
        { messages: [{ role: 'user', content: [image(url)] }] },
        '#/messages/0/content/0/image_url/url',
      )
    for (const type of ['jpeg', 'gif', 'webp'])
      assert.ok(messages({ role: 'user', content: [image(`data:image/${type};base64,AA==`)] }))
  })

  it('translates PDF files, and refuses other files, file ids and audio', () => {
    const file = { file_data: 'data:application/pdf;base64,JVBE', filename: 'a.pdf' }
    assert.deepEqual(messages({ role: 'user', content: [{ type: 'file', file }] }), [
      {
        role: 'user',
        content: [
          {
            type: 'document',
            source: { type: 'base64', media_type: 'application/pdf', data: 'JVBE' },
            title: 'a.pdf',
          },
        ],
      },
    ])
    const content = (part: object): object => ({ messages: [{ role: 'user', content: [part] }] })
    refused(
      content({ type: 'file', file: { file_id: 'x' } }),
      '#/messages/0/content/0/file/file_id',
    )
    refused(
      content({ type: 'file', file: { file_data: 'data:text/csv;base64,AA==' } }),
      '#/messages/0/content/0/file/file_data',
    )
    refused(content({ type: 'input_audio', input_audio: {} }), '#/messages/0/content/0/type')
  })

  it('translates calls of tools, with their arguments as JSON', () => {
    const calls = (args: string): object => ({
      role: 'assistant',
      content: null,
      tool_calls: [{ ...CALL, function: { name: 'weather', arguments: args } }],
    })
    const use = (input: object): object => ({
      type: 'tool_use',
      id: 'call_1',
      name: 'weather',
      input,
    })
    assert.deepEqual(messages(...HELLO, calls('{"city":"Rome"}')), [
      { role: 'user', content: text('Hello') },
      { role: 'assistant', content: [use({ city: 'Rome' })] },
    ])
    assert.deepEqual(messages(calls('')), [{ role: 'assistant', content: [use({})] }])
    for (const args of ['{', '[]', '"text"'])
      refused({ messages: [calls(args)] }, '#/messages/0/tool_calls/0/function/arguments')
  })

  it('joins the results of tools at the beginning of one message of the user', () => {
    const answer = (id: string, content: unknown): object => ({
      role: 'tool',
      tool_call_id: id,
      content,
    })
    const calls = {
      role: 'assistant',
      content: 'Let me see.',
      tool_calls: [CALL, { ...CALL, id: 'call:2' }],
    }
    assert.deepEqual(
      messages(
        ...HELLO,
        calls,
        { role: 'user', content: 'And?' },
        answer('call_1', '20 °C'),
        answer('call:2', text('1', '2')),
      ),
      [
        { role: 'user', content: text('Hello') },
        {
          role: 'assistant',
          content: [
            ...text('Let me see.'),
            { type: 'tool_use', id: 'call_1', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'call_2', name: 'weather', input: { city: 'Rome' } },
          ],
        },
        {
          role: 'user',
          content: [
            { type: 'tool_result', tool_use_id: 'call_1', content: '20 °C' },
            { type: 'tool_result', tool_use_id: 'call_2', content: '12' },
            ...text('And?'),
          ],
        },
      ],
    )
    assert.deepEqual(messages(answer('a', '')), [
      { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a' }] },
    ])
  })

  it('joins neighbours of one role, and leaves out text that is empty', () => {
    assert.deepEqual(
      messages(
        { role: 'user', content: 'One' },
        { role: 'assistant', content: '' },
        { role: 'user', content: text('Two', '') },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }] },
      ),
      [
        { role: 'user', content: text('One', 'Two') },
        { role: 'assistant', content: text('No.') },
      ],
    )
    refused({ messages: [{ role: 'system', content: 'Alone' }] }, '#/messages')
  })

  it('translates tools and their choice', () => {
    const strict = {
      type: 'function',
      function: { ...FUNCTION, description: 'Tells', strict: true },
    }
    const bare = { type: 'function', function: { name: 'bare' } }
    assert.deepEqual(request({ tools: [strict, bare] })['tools'], [
      { name: 'weather', description: 'Tells', input_schema: FUNCTION.parameters, strict: true },
      { name: 'bare', input_schema: { type: 'object' } },
    ])
    const choice = (tool_choice: unknown, more = {}): unknown =>
      request({ tools: TOOLS, tool_choice, ...more })['tool_choice']
    assert.deepEqual(choice('auto'), { type: 'auto' })
    assert.deepEqual(choice('none'), { type: 'none' })
    assert.deepEqual(choice('required'), { type: 'any' })
    const named = { type: 'function', function: { name: 'weather' } }
    assert.deepEqual(choice(named), { type: 'tool', name: 'weather' })
    const serial = { parallel_tool_calls: false }
    assert.deepEqual(choice(null, serial), { type: 'auto', disable_parallel_tool_use: true })
    assert.deepEqual(choice('required', serial), { type: 'any', disable_parallel_tool_use: true })
    assert.deepEqual(choice('none', serial), { type: 'none' })
    assert.equal(request(serial)['tool_choice'], undefined)
    invalid({ tool_choice: 'any' }, '#/tool_choice')
  })

  it('refuses custom tools and lists of allowed tools', () => {
    refused({ tools: [{ type: 'custom', custom: { name: 'x' } }] }, '#/tools/0/type')
    refused({ tool_choice: { type: 'allowed_tools', allowed_tools: {} } }, '#/tool_choice/type')
    refused({ tool_choice: { type: 'custom', custom: { name: 'x' } } }, '#/tool_choice/type')
    const custom = { id: 'a', type: 'custom', custom: { name: 'x', input: '' } }
    refused(
      { messages: [{ role: 'assistant', tool_calls: [custom] }] },
      '#/messages/0/tool_calls/0/type',
    )
  })

  it('translates structured output, and refuses JSON without a schema', () => {
    const schema = { type: 'object', properties: { a: { type: 'string' } } }
    const format = { type: 'json_schema', json_schema: { name: 'x', strict: true, schema } }
    assert.deepEqual(
      request({ response_format: format, reasoning_effort: 'minimal' })['output_config'],
      {
        format: { type: 'json_schema', schema },
        effort: 'low',
      },
    )
    assert.equal(request({ response_format: { type: 'text' } })['output_config'], undefined)
    refused({ response_format: { type: 'json_object' } }, '#/response_format/type')
    invalid({ response_format: { type: 'json_schema' } }, '#/response_format/json_schema')
  })

  it('translates the effort of reasoning', () => {
    for (const effort of ['low', 'medium', 'high', 'xhigh'])
      assert.deepEqual(request({ reasoning_effort: effort })['output_config'], { effort })
    assert.equal(ignored({ reasoning_effort: 'none' }), 'reasoning_effort')
  })

  it('clamps a temperature above 1, and tells so', () => {
    assert.equal(request({ temperature: 1.5 })['temperature'], 1)
    assert.equal(ignored({ temperature: 1.5 }), 'temperature')
    assert.equal(request({ temperature: 0.5, top_p: 0.9 })['temperature'], 0.5)
    assert.equal(ignored({ temperature: 0.5 }), undefined)
  })

  it('translates stop sequences, but for those of white space', () => {
    assert.deepEqual(request({ stop: 'END' })['stop_sequences'], ['END'])
    assert.deepEqual(request({ stop: ['END', '\n'] })['stop_sequences'], ['END'])
    assert.equal(ignored({ stop: ['END', '\n'] }), 'stop')
    assert.equal(request({ stop: '\n' })['stop_sequences'], undefined)
  })

  it('translates the user and the tier of service', () => {
    assert.deepEqual(request({ user: 'u1' })['metadata'], { user_id: 'u1' })
    for (const both of [
      { user: 'u1', safety_identifier: 's1' },
      { safety_identifier: 's1', user: 'u1' },
    ])
      assert.deepEqual(request(both)['metadata'], { user_id: 's1' })
    assert.equal(request({ service_tier: 'default' })['service_tier'], 'standard_only')
    assert.equal(request({ service_tier: 'auto' })['service_tier'], 'auto')
    assert.equal(ignored({ service_tier: 'flex' }), 'service_tier')
  })

  for (const [name, value, neutral] of [
    ['n', 2, 1],
    ['logprobs', true, false],
    ['top_logprobs', 3, 0],
    ['audio', { voice: 'alloy' }, null],
    ['functions', [], null],
    ['function_call', 'auto', null],
    ['web_search_options', {}, null],
  ] as const)
    it(`refuses ${name}, which the client would rely on`, () => {
      refused({ [name]: value }, `#/${name}`)
      assert.ok(request({ [name]: neutral }))
    })

  it('refuses answers in sound, messages of functions and old calls of functions', () => {
    refused({ modalities: ['text', 'audio'] }, '#/modalities/1')
    assert.ok(request({ modalities: ['text'] }))
    refused({ messages: [{ role: 'function', name: 'f', content: '' }] }, '#/messages/0/role')
    refused({ messages: [{ role: 'assistant', function_call: {} }] }, '#/messages/0/function_call')
    refused({ messages: [{ role: 'assistant', audio: { id: 'a' } }] }, '#/messages/0/audio')
  })

  for (const [name, value] of [
    ['seed', 1],
    ['frequency_penalty', 1],
    ['presence_penalty', 1],
    ['logit_bias', { 50: 1 }],
    ['store', true],
    ['metadata', { a: 'b' }],
    ['prediction', { type: 'content', content: '' }],
    ['verbosity', 'low'],
    ['prompt_cache_key', 'k'],
    ['prompt_cache_retention', '24h'],
    ['made_up', true],
  ] as const)
    it(`leaves ${name} out, and tells so`, () => {
      assert.equal(ignored({ [name]: value }), name)
      assert.ok(!(name in request({ [name]: value })) || name === 'metadata')
      assert.equal(request({ [name]: value })['metadata'], undefined)
    })

  it('writes only plain names into the field, and not too many', () => {
    assert.equal(
      ignored({ 'a\r\nSet-Cookie: b': 1, ['x'.repeat(100)]: 1, seed: 1 }),
      'others, seed',
    )
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`m${at}`, 1]))
    assert.equal(ignored(many)?.split(', ').length, 20)
    assert.equal(ignored({ messages: [{ ...HELLO[0], name: 'Ann' }] }), 'messages.name')
  })

  it('asks for a stream', () => {
    assert.equal(request({ stream: true, stream_options: { include_usage: true } })['stream'], true)
    assert.equal(request({ stream: false })['stream'], false)
  })

  it('refuses a body of another shape with a pointer, and never breaks', () => {
    for (const body of [null, 1, 'text', [], true])
      assertRefused(() => translateRequest(begin(translator), body), 'request_invalid', '#')
    invalid({ model: undefined }, '#/model')
    invalid({ messages: 'Hello' }, '#/messages')
    invalid({ messages: [null] }, '#/messages/0')
    invalid({ messages: [{}] }, '#/messages/0/role')
    invalid({ messages: [{ role: 'user' }] }, '#/messages/0/content')
    invalid(
      { messages: [{ role: 'user', content: [{ type: 'text' }] }] },
      '#/messages/0/content/0/text',
    )
    invalid({ messages: [{ role: 'tool', content: '' }] }, '#/messages/0/tool_call_id')
    refused({ messages: [{ role: 'toString', content: '' }] }, '#/messages/0/role')
    invalid({ tools: {} }, '#/tools')
    invalid({ stop: 5 }, '#/stop')
    invalid({ stream: 'yes' }, '#/stream')
  })

  it('never shows the credentials of the client to the provider, nor fields of the other API', () => {
    const keyed = openaiToAnthropic({ apiKey: 'sk-ant-gateway' })
    const headers = {
      authorization: 'Bearer sk-client',
      'api-key': 'c',
      cookie: 'c=1',
      'openai-organization': 'org',
      'anthropic-beta': 'all',
      'x-api-key': 'sk-client',
      'idempotency-key': 'i',
    }
    const change = translateRequest(begin(keyed), { model: 'x', messages: HELLO }, { headers })
    assert.deepEqual(change.headers, {
      authorization: null,
      'api-key': null,
      cookie: null,
      'openai-organization': null,
      'anthropic-beta': null,
      'x-api-key': 'sk-ant-gateway',
      'anthropic-version': '2023-06-01',
    })
    assert.equal(change.path, '/v1/messages')
  })

  it('translates its path only', () => {
    const run = (path: string, method = 'POST'): unknown =>
      translateRequest(begin(translator), { model: 'x', messages: HELLO }, { path, method })
    assert.ok(run('/openai/v1/chat/completions?x=1'))
    for (const path of ['/v1/embeddings', '/v1/models', '/v1/chat', '/'])
      assertRefused(() => run(path), 'route_not_found')
    assertRefused(() => run('/v1/chat/completions', 'GET'), 'route_not_found')
  })
})
