import assert from 'node:assert/strict'
import { anthropicToOpenai } from '../../../src/llm.js'
import { assertRefused, begin, translateRequest, translateResponse } from '../../support/llm.js'

const HELLO = [{ role: 'user', content: 'Hello' }]
const COMPLETION = {
  id: 'chatcmpl-1',
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
  usage: { prompt_tokens: 1, completion_tokens: 1 },
}
const BASE = { model: 'claude-opus', max_tokens: 50, messages: HELLO }
const AT = { path: '/v1/messages' }

const translator = anthropicToOpenai({ models: { 'claude-opus': 'gpt-5' } })

const request = (more: object): Record<string, unknown> =>
  translateRequest(begin(translator), { ...BASE, ...more }, AT).body

const messages = (...list: object[]): unknown => request({ messages: list })['messages']
const user = (...content: object[]): object => ({ role: 'user', content })

function ignored(more: object): string | null | undefined {
  const call = begin(translator)
  translateRequest(call, { ...BASE, ...more }, AT)
  return translateResponse(call, COMPLETION).headers?.['X-Transform-Ignored']
}

const refused = (more: object, pointer: string): void =>
  assertRefused(() => request(more), 'request_unsupported', pointer)

const invalid = (more: object, pointer: string): void =>
  assertRefused(() => request(more), 'request_invalid', pointer)

const text = (value: string): object => ({ type: 'text', text: value })
const image = (source: object): object => ({ type: 'image', source })
const BASE64 = { type: 'base64', media_type: 'image/png', data: 'iVBORw0KGgo=' }
const CACHED = { cache_control: { type: 'ephemeral' } }
const TOOL = { name: 'weather', description: 'Tells', input_schema: { type: 'object' } }

describe('anthropicToOpenai: requests', () => {
  it('asks for the mapped model', () => {
    assert.deepEqual(request({}), {
      model: 'gpt-5',
      max_completion_tokens: 50,
      messages: [{ role: 'user', content: 'Hello' }],
    })
    assert.equal(request({ model: 'gpt-5-mini' })['model'], 'gpt-5-mini')
  })

  it('bounds the answer with max_tokens for older servers', () => {
    const older = anthropicToOpenai({ maxTokensMember: 'max_tokens' })
    const { body } = translateRequest(begin(older), BASE, AT)
    assert.equal(body['max_tokens'], 50)
    assert.ok(!('max_completion_tokens' in body))
    invalid({ max_tokens: undefined }, '#/max_tokens')
  })

  it('makes a message of system, and of instructions between the messages', () => {
    for (const system of [
      'Be brief.\nBe kind.',
      [text('Be brief.'), { ...text('Be kind.'), ...CACHED }],
    ])
      assert.deepEqual(request({ system })['messages'], [
        { role: 'system', content: 'Be brief.\nBe kind.' },
        { role: 'user', content: 'Hello' },
      ])
    assert.deepEqual(request({ system: '' })['messages'], HELLO)
    const between = { role: 'system', content: [text('Be quick.')] }
    assert.deepEqual(messages(...HELLO, between), [
      ...HELLO,
      { role: 'system', content: 'Be quick.' },
    ])
  })

  it('makes messages of the results of tools, before the rest', () => {
    const result = (id: string, content: unknown, more = {}): object => ({
      type: 'tool_result',
      tool_use_id: id,
      content,
      ...more,
    })
    assert.deepEqual(
      messages(
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'Hm', signature: 's' },
            text('Let me see.'),
            { type: 'tool_use', id: 'a', name: 'weather', input: { city: 'Rome' } },
            { type: 'tool_use', id: 'b', name: 'weather', input: {}, ...CACHED },
          ],
        },
        user(
          text('And?'),
          result('a', [text('20'), text('°C')]),
          result('b', 'no such city', { is_error: true }),
          result('c', undefined),
        ),
      ),
      [
        {
          role: 'assistant',
          content: 'Let me see.',
          tool_calls: [
            {
              id: 'a',
              type: 'function',
              function: { name: 'weather', arguments: '{"city":"Rome"}' },
            },
            { id: 'b', type: 'function', function: { name: 'weather', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'a', content: '20\n°C' },
        { role: 'tool', tool_call_id: 'b', content: 'Error: no such city' },
        { role: 'tool', tool_call_id: 'c', content: '' },
        user(text('And?')),
      ],
    )
    refused(
      { messages: [user(result('a', [image(BASE64)]))] },
      '#/messages/0/content/0/content/0/type',
    )
  })

  it('writes null where the model has only called a tool', () => {
    const use = { type: 'tool_use', id: 'a', name: 'weather', input: {} }
    const [said] = messages({ role: 'assistant', content: [use] }) as { content: unknown }[]
    assert.equal(said?.content, null)
  })

  it('translates images and PDF files', () => {
    const url = 'https://a.example/b.png'
    assert.deepEqual(messages(user(image(BASE64), image({ type: 'url', url }))), [
      user(
        { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } },
        { type: 'image_url', image_url: { url } },
      ),
    ])
    const pdf = { type: 'base64', media_type: 'application/pdf', data: 'JVBE' }
    assert.deepEqual(
      messages(
        user(
          { type: 'document', source: pdf, title: 'a.pdf' },
          { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'Plain' } },
        ),
      ),
      [
        user(
          {
            type: 'file',
            file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,JVBE' },
          },
          text('Plain'),
        ),
      ],
    )
  })

  it('refuses files of the provider', () => {
    const file = { type: 'file', file_id: 'f' }
    refused({ messages: [user(image(file))] }, '#/messages/0/content/0/source/type')
    const documents = [
      file,
      { type: 'url', url: 'https://a.example/a.pdf' },
      { type: 'content', content: [] },
    ]
    for (const source of documents)
      refused(
        { messages: [user({ type: 'document', source })] },
        '#/messages/0/content/0/source/type',
      )
  })

  it('refuses tools and blocks of the provider itself', () => {
    refused({ tools: [{ type: 'web_search_20250305', name: 'web_search' }] }, '#/tools/0/type')
    refused({ mcp_servers: [{}] }, '#/mcp_servers')
    const block = { type: 'server_tool_use', id: 'a', name: 'web_search', input: {} }
    refused({ messages: [{ role: 'assistant', content: [block] }] }, '#/messages/0/content/0/type')
    refused({ messages: [user({ type: 'search_result' })] }, '#/messages/0/content/0/type')
  })

  it('translates tools and their choice', () => {
    const tools = [{ ...TOOL, type: 'custom', strict: true, ...CACHED }]
    assert.deepEqual(request({ tools })['tools'], [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Tells',
          parameters: { type: 'object' },
          strict: true,
        },
      },
    ])
    assert.equal(ignored({ tools }), 'tools.cache_control')
    const choice = (tool_choice: object): unknown =>
      request({ tools: [TOOL], tool_choice })['tool_choice']
    assert.equal(choice({ type: 'auto' }), 'auto')
    assert.equal(choice({ type: 'any' }), 'required')
    assert.equal(choice({ type: 'none' }), 'none')
    assert.deepEqual(choice({ type: 'tool', name: 'weather' }), {
      type: 'function',
      function: { name: 'weather' },
    })
    const serial = { tool_choice: { type: 'auto', disable_parallel_tool_use: true } }
    assert.equal(request({ tools: [TOOL], ...serial })['parallel_tool_calls'], false)
    assert.equal(request(serial)['parallel_tool_calls'], undefined)
    invalid({ tool_choice: { type: 'required' } }, '#/tool_choice/type')
  })

  it('takes four stop sequences, and refuses more', () => {
    assert.deepEqual(request({ stop_sequences: ['a', 'b', 'c', 'd'] })['stop'], [
      'a',
      'b',
      'c',
      'd',
    ])
    assert.equal(request({ stop_sequences: [] })['stop'], undefined)
    refused({ stop_sequences: ['a', 'b', 'c', 'd', 'e'] }, '#/stop_sequences')
  })

  it('always asks for the usage of a stream', () => {
    const { stream, stream_options } = request({ stream: true })
    assert.deepEqual(
      { stream, stream_options },
      { stream: true, stream_options: { include_usage: true } },
    )
    assert.equal(request({ stream: false })['stream_options'], undefined)
  })

  it('translates structured output and effort', () => {
    const schema = { type: 'object', properties: {}, additionalProperties: false }
    const format = { type: 'json_schema', schema }
    const expected = {
      type: 'json_schema',
      json_schema: { name: 'answer', schema, strict: true },
    }
    const { response_format, reasoning_effort } = request({
      output_config: { format, effort: 'high' },
    })
    assert.deepEqual(
      { response_format, reasoning_effort },
      { response_format: expected, reasoning_effort: 'high' },
    )
    assert.deepEqual(request({ output_format: format })['response_format'], expected)
    refused({ output_config: { format: { type: 'regex' } } }, '#/output_config/format/type')
    invalid({ output_config: { effort: 'huge' } }, '#/output_config/effort')
  })

  it('translates temperature, top_p, the user and the tier of service', () => {
    const {
      temperature,
      top_p,
      user: who,
      service_tier,
    } = request({
      temperature: 1,
      top_p: 0.5,
      metadata: { user_id: 'u' },
      service_tier: 'standard_only',
    })
    assert.deepEqual([temperature, top_p, who, service_tier], [1, 0.5, 'u', 'default'])
    assert.equal(request({ service_tier: 'auto' })['service_tier'], 'auto')
  })

  for (const [name, value] of [
    ['thinking', { type: 'enabled', budget_tokens: 1024 }],
    ['top_k', 5],
    ['cache_control', { type: 'ephemeral' }],
    ['container', 'c'],
    ['speed', 'fast'],
    ['made_up', 1],
  ] as const)
    it(`leaves ${name} out, and tells so`, () => {
      assert.equal(ignored({ [name]: value }), name)
      assert.ok(!(name in request({ [name]: value })))
    })

  it('leaves thinking and the control of caches in messages out, and tells so', () => {
    const thinking = [
      { type: 'thinking', thinking: 'Hm', signature: 's' },
      { type: 'redacted_thinking', data: 'x' },
    ]
    const list = [
      ...HELLO,
      { role: 'assistant', content: thinking },
      user({ ...text('And?'), ...CACHED }),
    ]
    assert.equal(
      ignored({ messages: list }),
      'messages.content.thinking, messages.content.redacted_thinking, messages.content.cache_control',
    )
    assert.deepEqual(request({ messages: list })['messages'], [...HELLO, user(text('And?'))])
  })

  it('refuses a body of another shape with a pointer, and never breaks', () => {
    for (const body of [null, 1, 'text', [], true])
      assertRefused(() => translateRequest(begin(translator), body, AT), 'request_invalid', '#')
    invalid({ model: 5 }, '#/model')
    invalid({ messages: {} }, '#/messages')
    invalid({ messages: [] }, '#/messages')
    invalid({ messages: [{ role: 'tool', content: 'x' }] }, '#/messages/0/role')
    invalid({ messages: [{ role: 'user' }] }, '#/messages/0/content')
    invalid({ messages: [user({ type: 'image' })] }, '#/messages/0/content/0/source')
    invalid({ messages: [user({ type: 'tool_result' })] }, '#/messages/0/content/0/tool_use_id')
    refused({ messages: [user({ type: 'constructor' })] }, '#/messages/0/content/0/type')
    invalid({ system: 5 }, '#/system')
    invalid({ tools: [{ name: 'x' }] }, '#/tools/0/input_schema')
  })

  it('answers 404 to the counting of tokens', () => {
    const run = (path: string): unknown => translateRequest(begin(translator), BASE, { path })
    assertRefused(() => run('/v1/messages/count_tokens'), 'route_not_found')
    assertRefused(() => run('/v1/messages/batches'), 'route_not_found')
    assert.ok(run('/v1/messages?beta=true'))
  })

  it('never shows the credentials of the client to the provider, nor fields of the other API', () => {
    const headers = {
      'x-api-key': 'sk-ant-client',
      'anthropic-version': '2023-06-01',
      authorization: 'Bearer c',
    }
    const change = translateRequest(begin(translator), BASE, { ...AT, headers })
    assert.deepEqual(change.headers, {
      'x-api-key': null,
      'anthropic-version': null,
      authorization: null,
    })
    const keyed = begin(
      anthropicToOpenai({ apiKey: 'sk-gateway', path: '/openai/chat/completions' }),
    )
    const { path, headers: fields } = translateRequest(keyed, BASE, { ...AT, headers })
    assert.equal(path, '/openai/chat/completions')
    assert.equal(fields?.['authorization'], 'Bearer sk-gateway')
  })
})
