import assert from 'node:assert/strict'
import { type Transform, transform } from 'good-gateway'

const nothing = (): undefined => undefined

describe('transform', () => {
  for (const [given, message] of [
    [undefined, /^transform: pass \{ request, response, events \}/],
    [{}, /^transform: pass \{ request, response, events \}/],
    [{ request: 5 }, /^transform: "request" must be a function$/],
    [
      { request: nothing, respnse: nothing },
      /^transform: unknown part "respnse"; did you mean "response"\?$/,
    ],
  ] as const)
    it(`says at mount what is wrong with what it is given: ${message.source}`, () =>
      assert.throws(() => transform(given as Transform), { name: 'TypeError', message }))

  it('takes a transformer that has functions and values of its own besides', () => {
    transform({ request: nothing, usage: nothing, responses: [] } as Transform)
  })
})
