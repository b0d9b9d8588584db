import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { Agent, createServer, request, type RequestListener, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Ajv, type Options } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { GatewayError, type Schemas, validate } from 'good-gateway'
import { type Listening, listen } from '../../support/servers.js'

type Schema = Exclude<Schemas['body'], undefined>

interface Group {
  readonly description: string
  readonly schema: Schema
  readonly tests: readonly { description: string; data: unknown; valid: boolean }[]
}

const drafts: [string, string, new (options: Options) => Ajv][] = [
  ['draft7', 'http://json-schema.org/draft-07/schema', Ajv],
  ['draft2019-09', 'https://json-schema.org/draft/2019-09/schema', Ajv2019],
  ['draft2020-12', 'https://json-schema.org/draft/2020-12/schema', Ajv2020],
]

/** Where our verdict is not the one of plain ajv, and why. */
const exceptions: readonly [test: RegExp, why: string][] = [
  [
    /properties whose names are Javascript object property names: (?:none|toString|constructor) /,
    'plain ajv finds toString and constructor in every object; ours looks at own members, as the suite wants',
  ],
  [
    /properties whose names are Javascript object property names: (?:__proto__|all )/,
    'a member named __proto__ makes a body malformed, whatever its schema says',
  ],
  [
    /vocabulary\.json (?:schema that uses custom metaschema|ignore unrecognized)/,
    'a schema in a meta-schema of its own is refused at mount, because it may mean anything',
  ],
]

type Verdict = 'valid' | 'invalid' | 'fails' | 'not compiled' | 'another status'
const verdicts: Readonly<Record<number, Verdict>> = { 200: 'valid', 400: 'invalid', 500: 'fails' }

/** Some uses of $dynamicRef make ajv call itself for ever. */
function plainVerdict(check: (data: unknown) => unknown, data: unknown): Verdict {
  const valid = attempt(() => check(data) === true)
  if (valid === undefined) return 'fails'
  return valid ? 'valid' : 'invalid'
}

function finish(res: ServerResponse, error: unknown): void {
  res.statusCode = error === undefined ? 200 : GatewayError.is(error) ? error.status : 500
  res.end()
}

// Formats are annotations in the suite, and unknown keywords are allowed.
const options = { strict: false, validateFormats: false, logger: false } as const

const suite = process.env['JSON_SCHEMA_TEST_SUITE']
const present = suite !== undefined && existsSync(suite)

describe('the official JSON-Schema-Test-Suite over HTTP', function () {
  if (!present) {
    const reason = suite === undefined ? 'is not set' : `names no folder: ${suite}`
    it(`is not run, because JSON_SCHEMA_TEST_SUITE ${reason}`)
    return
  }
  const seen = new Set<RegExp>()
  let mounted: RequestListener
  let server: Listening
  const agent = new Agent({ keepAlive: true })

  before(async () => {
    server = await listen(createServer((req, res) => mounted(req, res)))
  })
  after(async () => {
    agent.destroy()
    await server.close()
  })

  const send = (body: string): Promise<Verdict> =>
    new Promise((resolve, reject) => {
      const headers = {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      }
      request(server.url, { method: 'POST', agent, headers }, (answer) => {
        const { statusCode = 0 } = answer
        answer.resume().once('end', () => resolve(verdicts[statusCode] ?? 'another status'))
      })
        .once('error', reject)
        .end(body)
    })

  for (const [draft, $schema, PlainAjv] of drafts) {
    describe(draft, () => {
      const documents = remotesOf(join(suite, 'remotes'), draft, $schema)
      const folder = join(suite, 'tests', draft)
      for (const file of readdirSync(folder).filter((name) => name.endsWith('.json'))) {
        it(file, async () => {
          for (const group of read<Group[]>(join(folder, file))) {
            const schema =
              typeof group.schema === 'object' ? { $schema, ...group.schema } : group.schema
            const place = `${draft}/${file} ${group.description}`
            const plain = attempt(() => {
              const ajv = new PlainAjv(options)
              for (const document of documents) ajv.addSchema(document)
              return ajv.compile(schema as object)
            })
            const check = attempt(() =>
              validate({ body: schema }, { schemas: documents, ajv: options }),
            )
            if (check) mounted = (req, res) => check(req, res, (error) => finish(res, error))
            for (const { description, data } of group.tests) {
              const expected = plain ? plainVerdict(plain, data) : 'not compiled'
              const verdict = check ? await send(JSON.stringify(data)) : 'not compiled'
              const name = `${place}: ${description}`
              const exception = exceptions.find(([pattern]) => pattern.test(name))
              if (exception === undefined) assert.equal(verdict, expected, name)
              else if (verdict !== expected) seen.add(exception[0])
            }
          }
        }).timeout(60_000)
      }
    })
  }

  describe('and its exceptions', () => {
    it('are all still necessary', () => {
      const idle = exceptions.filter(([pattern]) => !seen.has(pattern))
      assert.deepEqual(idle, [])
    })
  })
})

function attempt<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

function read<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}

/** The documents of a draft, under the addresses where the suite has them. */
function remotesOf(folder: string, draft: string, $schema: string): object[] {
  const known = new Set(drafts.map(([, uri]) => uri))
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        name.endsWith('.json') && (!/^(draft|v1)/.test(name) || name.startsWith(`${draft}/`)),
    )
    .map((name) => [name, read<Record<string, unknown>>(join(folder, name))] as const)
    .filter(([, document]) => known.has(String(document['$schema'] ?? $schema).replace(/#$/, '')))
    .map(([name, document]) => ({ $schema, ...document, $id: `http://localhost:1234/${name}` }))
}
