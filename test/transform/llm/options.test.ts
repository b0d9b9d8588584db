import assert from 'node:assert/strict'
import { anthropicToOpenai, openaiToAnthropic } from '../../../src/llm.js'

describe('the options of the translators', () => {
  for (const [options, message] of [
    [{ apikey: 'k' }, /openaiToAnthropic: unknown option "apikey"; did you mean "apiKey"\?/],
    [
      { apiKey: '' },
      /option "apiKey" must be a key without white space; is its environment variable set\?/,
    ],
    [{ apiKey: 'a b' }, /option "apiKey"/],
    [{ models: ['gpt-5'] }, /option "models" must be an object/],
    [{ models: { 'gpt-5': '' } }, /option "models"/],
    [{ path: 'v1/messages' }, /option "path" must be a path that begins with "\/"/],
    [{ maxTokens: 0 }, /option "maxTokens" must be a whole number from 1/],
    [{ reasoning: true }, /option "reasoning" must be "drop" or "reasoning_content"/],
    [{ maxTokensMember: 'max_tokens' }, /unknown option "maxTokensMember"/],
  ] as const)
    it(`refuse ${JSON.stringify(options)} when it is made`, () => {
      assert.throws(() => openaiToAnthropic(options as object), message)
    })

  it('refuse what is not theirs in the other direction, too', () => {
    const wrong = { maxTokens: 5 } as object
    assert.throws(() => anthropicToOpenai(wrong), /anthropicToOpenai: unknown option "maxTokens"/)
    const member = { maxTokensMember: 'most' } as object
    assert.throws(() => anthropicToOpenai(member), /"max_completion_tokens" or "max_tokens"/)
  })

  it('are read when it is made, and are not changed', () => {
    const models = { 'gpt-5': 'claude' }
    const options = Object.freeze({ models: Object.freeze(models), apiKey: undefined })
    assert.ok(openaiToAnthropic(options as object))
    assert.ok(anthropicToOpenai())
  })
})
