import assert from 'node:assert/strict'
import { limitInWords, limitsIn, type RateLimit, waitOf } from '../../src/diagnose/limits.js'
import { diagnoseAnswer, linesOf } from './here.js'

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

/** A value of a field; one that depends on the time of day is made when it is needed. */
type Value = string | (() => string)

function limits(...fields: readonly (readonly [name: string, value: Value])[]) {
  const valueOf = (value: Value): string => (typeof value === 'string' ? value : value())
  return limitsIn({ rawHeaders: fields.flatMap(([name, value]) => [name, valueOf(value)]) })
}

/** Compares; a reset at a time of day has come a little nearer. */
function equal(found: readonly RateLimit[], expected: readonly RateLimit[]): void {
  const rest = (list: readonly RateLimit[]) => list.map((limit) => ({ ...limit, resetMs: 0 }))
  assert.deepEqual(rest(found), rest(expected))
  for (const [index, { resetMs }] of expected.entries()) {
    const passed = (resetMs ?? 0) - (found[index]?.resetMs ?? 0)
    assert.ok(passed >= 0 && passed < 2000, `${passed} ms`)
  }
}

describe('diagnose: rate limits', () => {
  for (const [spelling, fields, expected] of [
    [
      'the draft of the IETF',
      [
        ['RateLimit-Policy', '"burst";q=100;w=60,"daily";q=1000;w=86400'],
        ['RateLimit', '"burst";r=3;t=30,"daily";r=400;t=3600'],
      ],
      [
        { scope: 'burst', limit: 100, remaining: 3, resetMs: 30_000 },
        { scope: 'daily', limit: 1000, remaining: 400, resetMs: 3_600_000 },
      ],
    ],
    [
      'the draft before, in one field',
      [['RateLimit', 'limit=100, remaining=0, reset=20']],
      [{ scope: '', limit: 100, remaining: 0, resetMs: 20_000 }],
    ],
    [
      'the drafts before that, in three',
      [
        ['RateLimit-Limit', '100, 100;w=60'],
        ['RateLimit-Remaining', '7'],
        ['RateLimit-Reset', '20'],
      ],
      [{ scope: '', limit: 100, remaining: 7, resetMs: 20_000 }],
    ],
    [
      'GitHub: a time since 1970',
      [
        ['X-RateLimit-Limit', '5000'],
        ['X-RateLimit-Remaining', '4999'],
        ['X-RateLimit-Reset', () => String(inSeconds(600))],
      ],
      [{ scope: '', limit: 5000, remaining: 4999, resetMs: 600_000 }],
    ],
    [
      'milliseconds since 1970',
      [['X-RateLimit-Reset', () => String(Date.now() + 90_000)]],
      [{ scope: '', resetMs: 90_000 }],
    ],
    [
      'Twitter and Okta: two hyphens',
      [
        ['x-rate-limit-limit', '15'],
        ['x-rate-limit-remaining', '0'],
        ['x-rate-limit-reset', '60'],
      ],
      [{ scope: '', limit: 15, remaining: 0, resetMs: 60_000 }],
    ],
    [
      'Discord: seconds with a fraction',
      [
        ['X-RateLimit-Remaining', '1'],
        ['X-RateLimit-Reset-After', '2.5'],
      ],
      [{ scope: '', remaining: 1, resetMs: 2500 }],
    ],
    [
      'Kong: a window in the name',
      [
        ['X-RateLimit-Limit-Minute', '60'],
        ['X-RateLimit-Remaining-Minute', '59'],
      ],
      [{ scope: 'minute', limit: 60, remaining: 59 }],
    ],
    [
      'OpenAI: what is counted in the name, and a time with units',
      [
        ['x-ratelimit-limit-requests', '60'],
        ['x-ratelimit-remaining-requests', '0'],
        ['x-ratelimit-reset-requests', '1m30s'],
        ['x-ratelimit-remaining-tokens', '149984'],
        ['x-ratelimit-reset-tokens', '20ms'],
      ],
      [
        { scope: 'requests', limit: 60, remaining: 0, resetMs: 90_000 },
        { scope: 'tokens', remaining: 149_984, resetMs: 20 },
      ],
    ],
    [
      'Anthropic: a date',
      [
        ['anthropic-ratelimit-input-tokens-limit', '80000'],
        ['anthropic-ratelimit-input-tokens-remaining', '12'],
        [
          'anthropic-ratelimit-input-tokens-reset',
          () => new Date(Date.now() + 30_000).toISOString(),
        ],
      ],
      [{ scope: 'input tokens', limit: 80_000, remaining: 12, resetMs: 30_000 }],
    ],
    [
      'GitLab: a date of HTTP',
      [['RateLimit-ResetTime', () => new Date(Date.now() + 30_000).toUTCString()]],
      [{ scope: '', resetMs: 30_000 }],
    ],
    [
      'Shopify: a fraction',
      [['X-Shopify-Shop-Api-Call-Limit', '39/40']],
      [{ scope: '', limit: 40, remaining: 1 }],
    ],
    [
      'nothing',
      [
        ['X-RateLimit-Limit', 'lots'],
        ['X-RateLimit-Reset', 'soon'],
      ],
      [],
    ],
  ] as const) {
    it(`reads ${spelling}`, () => equal(limits(...fields), expected))
  }

  for (const [field, ms] of [
    [['Retry-After', '3'], 3000],
    [['Retry-After', '0.5'], 500],
    [['Retry-After', new Date(Date.now() - 60_000).toUTCString()], 0],
    [['retry-after-ms', '250'], 250],
    [['x-ms-retry-after-ms', '1500'], 1500],
    [['X-Retry-After', '4'], 4000],
    [['Retry-After', 'soon'], undefined],
  ] as const) {
    it(`reads ${field[0]}: ${field[1]}`, () => {
      assert.equal(waitOf({ rawHeaders: field }), ms)
    })
  }

  it('takes the most exact of several waits', () => {
    assert.equal(waitOf({ rawHeaders: ['Retry-After', '1', 'Retry-After-Ms', '700'] }), 700)
  })

  it('says it in words', () => {
    const limit = { scope: 'tokens', limit: 100, remaining: 0, resetMs: 90_000 }
    assert.equal(limitInWords(limit), 'tokens: 0 of 100 left, anew in 90 s')
    assert.equal(limitInWords({ scope: '', limit: 5 }), '5 allowed')
  })

  it('answers the third question by it, also where the call went well', async () => {
    const fields = ['X-RateLimit-Limit: 60', 'X-RateLimit-Remaining: 0', 'X-RateLimit-Reset: 12']
    const good = await diagnoseAnswer('200 OK', fields)
    assert.equal(good.verdict.healthy, true)
    assert.equal(
      good.verdict.questions.limit,
      'Yes, and it is used up. 0 of 60 left, anew in 12 s.',
    )
    const over = await diagnoseAnswer('429 Too Many Requests', [...fields, 'Retry-After: 12'])
    assert.equal(over.verdict.code, 'upstream_rate_limited')
    assert.equal(over.verdict.retryAfter, 12)
    assert.match(over.verdict.questions.limit, /^Yes, and it is reached\..* Wait 12 s\.$/)
    assert.match(linesOf(over, 'answer'), /rate limit: 0 of 60 left/)
  })
})
