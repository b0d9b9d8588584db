import assert from 'node:assert/strict'
import { describe, it } from 'mocha'
import { type Checker, compile } from '../../../src/validation/schema/compile.js'
import { fragmentOf } from '../../../src/content/pointer.js'
import {
  type Breakage,
  breakages,
  examples,
  options,
  plainVerdict,
  schemaFor,
} from '../../support/github.js'

// All of the 113,000 places take half a minute; GITHUB_STRIDE=1 tries them all.
const STRIDE = Number(process.env['GITHUB_STRIDE'] ?? 11)

describe('the payloads that GitHub sends to webhooks', function () {
  this.timeout(STRIDE < 11 ? 600_000 : 60_000)
  const checkers = new Map<string, Checker>()
  before(() => {
    for (const { event } of examples)
      if (!checkers.has(event))
        checkers.set(event, compile('body', schemaFor(event), { ...options, maxErrors: 1 }))
  })

  function issuesOf(event: string, payload: unknown) {
    const checker = checkers.get(event)
    assert.ok(checker)
    const errors = checker.check(payload)
    return errors === undefined ? [] : checker.explain(errors, payload).errors
  }

  it('are judged as ajv alone judges them', () => {
    const refused = examples.filter(({ event, payload }) => issuesOf(event, payload).length > 0)
    const plain = examples.filter(({ event, payload }) => !plainVerdict(event, payload))
    assert.deepEqual(refused, plain)
    console.log(`      ${examples.length} examples, ${refused.length} break their own schema:`)
    console.log(refused.map(({ name }) => `        ${name}`).join('\n'))
    assert.ok(examples.length > 300 && refused.length < 60)
  })

  it('have an issue exactly at the place where they were broken', () => {
    const valid = examples.filter(({ event, payload }) => plainVerdict(event, payload))
    const counts = { removed: 0, 'type changed': 0 }
    const missed: string[] = []
    const depths = new Set<number>()
    const check = (event: string, { kind, path, payload }: Breakage) => {
      counts[kind] += 1
      depths.add(path.length)
      const [issue] = issuesOf(event, payload)
      if (issue?.pointer !== fragmentOf(path))
        missed.push(`${event} ${fragmentOf(path)}: ${issue?.pointer}`)
    }
    let turn = 0
    for (const { event, payload } of valid)
      for (const breakage of breakages(payload, event, () => (turn += 1) % STRIDE === 0))
        check(event, breakage)
    console.log(
      `      ${valid.length} valid examples, ${JSON.stringify(counts)}, missed ${missed.length}`,
    )
    assert.deepEqual(missed, [])
    assert.ok(counts.removed > 1000 && counts['type changed'] > 1000 && depths.size >= 5)
  })
})
