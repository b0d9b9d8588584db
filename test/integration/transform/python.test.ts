import assert from 'node:assert/strict'
import { execFile, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { anthropicProvider } from '../../../docs/llm-gateway/providers/anthropic.js'
import { openaiProvider } from '../../../docs/llm-gateway/providers/openai.js'
import { anthropicToOpenai, openaiToAnthropic } from '../../../src/llm.js'
import { type LlmGateway, startGateway } from '../../support/llm-gateway.js'

const run = promisify(execFile)

/** Prints status, fields and body of an answer; a stream line by line, as `iter_lines` gives them. */
const CLIENT = `
import json, sys, requests
url, body = sys.argv[1], json.loads(sys.argv[2])
try:
    answer = requests.post(url, json=body, stream=True, headers={'Authorization': 'Bearer sk-client'}, timeout=20)
    lines = [line.decode() for line in answer.iter_lines()]
    print(json.dumps({'status': answer.status_code, 'id': answer.headers.get('x-request-id') or answer.headers.get('request-id'), 'lines': lines}))
except requests.RequestException as error:
    print(json.dumps({'error': type(error).__name__}))
`

interface Answer {
  readonly status: number
  readonly id: string
  readonly lines: readonly string[]
  readonly error?: string
}

async function ask(url: string, body: object): Promise<Answer> {
  const { stdout } = await run('python3', ['-c', CLIENT, url, JSON.stringify(body)])
  return JSON.parse(stdout) as Answer
}

const dataIn = ({ lines }: Answer): string[] =>
  lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6))

describe('Python requests through a translator', () => {
  let openai: LlmGateway
  let anthropic: LlmGateway

  before(async function () {
    const probe = spawnSync('python3', ['-c', 'import requests'])
    if (probe.status !== 0) {
      console.log('      skipped: python3 has no module requests')
      this.skip()
    }
    openai = await startGateway(
      anthropicProvider('k'),
      openaiToAnthropic({ apiKey: 'k' }),
      'openai',
    )
    anthropic = await startGateway(
      openaiProvider('k'),
      anthropicToOpenai({ apiKey: 'k' }),
      'anthropic',
    )
  })
  after(async () => {
    await openai?.close()
    await anthropic?.close()
  })

  const chat = (content: string, more = {}) =>
    ask(`${openai.url}/v1/chat/completions`, {
      model: 'm',
      messages: [{ role: 'user', content }],
      ...more,
    })
  const message = (content: string, more = {}) =>
    ask(`${anthropic.url}/v1/messages`, {
      model: 'm',
      max_tokens: 50,
      messages: [{ role: 'user', content }],
      ...more,
    })

  it('reads a text of the other provider', async () => {
    const answer = await chat('Hello')
    assert.deepEqual([answer.status, answer.id], [200, 'req_fake'])
    assert.match(answer.lines.join(''), /"content":"You said: Hello"/)
    assert.match((await message('Hello')).lines.join(''), /"text":"You said: Hello"/)
  })

  it('reads a stream of the other provider', async () => {
    const chunks = dataIn(await chat('Hello', { stream: true }))
    assert.equal(chunks.at(-1), '[DONE]')
    const text = chunks
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { choices: [{ delta: { content?: string } }] })
    assert.equal(
      text.map(({ choices }) => choices[0].delta.content ?? '').join(''),
      'You said: Hello',
    )
    assert.match(dataIn(await message('Hello', { stream: true })).at(-1) ?? '', /message_stop/)
  })

  it('reads errors, also in the middle of a stream', async () => {
    const answer = await chat('answer with 429')
    assert.equal(answer.status, 429)
    assert.match(answer.lines.join(''), /rate_limit_exceeded/)
    for (const fault of ['error', 'dies', 'ends early']) {
      const broken = dataIn(await chat(`fault: ${fault}`, { stream: true }))
      assert.match(broken.at(-1) ?? '', /"error":\{/)
    }
  })
})
