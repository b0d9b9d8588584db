import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { listener, problemDetails } from 'good-gateway'
import { type Listening, listen, nobody } from '../../support/servers.js'

const run = promisify(execFile)
const page = readFileSync(join(import.meta.dirname, '../../../docs/guide/client.md'), 'utf8')
const ON_PAGE = 'http://127.0.0.1:3000/faults/refused'

const recipes: [
  title: string,
  language: string,
  mark: string,
  command: string[],
  needs: string[],
][] = [
  [
    'Python with requests',
    'python',
    'import requests',
    ['python3', '-c'],
    ['python3', '-c', 'import requests'],
  ],
  ['Python alone', 'python', 'import urllib', ['python3', '-c'], ['python3', '-c', 'pass']],
  ['curl and jq', 'sh', 'jq -r', ['sh', '-c'], ['sh', '-c', 'curl --version && jq --version']],
]

describe('the recipes of the guide for other clients', () => {
  let gateway: Listening
  before(async () => {
    gateway = await listen(
      createServer(
        listener(problemDetails(), (_req, res) => {
          request(nobody.url)
            .once('error', () => res.writeHead(500).end())
            .end()
        }),
      ),
    )
  })
  after(() => gateway.close())

  for (const [
    title,
    language,
    mark,
    [program = '', ...flags],
    [checker = '', ...check],
  ] of recipes) {
    it(`${title} prints code, retryable and id`, async function () {
      this.timeout(60_000)
      try {
        await run(checker, check)
      } catch {
        console.log(`      ${title} is not here: the recipe is not run`)
        return this.skip()
      }
      const blocks =
        page.match(new RegExp(`(?<=^\`\`\`${language}\\n)[^]*?(?=^\`\`\`$)`, 'gm')) ?? []
      const recipe = blocks.find((block) => block.includes(mark)) ?? ''
      assert.ok(recipe.includes(ON_PAGE), recipe)
      const { stdout } = await run(program, [...flags, recipe.replace(ON_PAGE, gateway.url)], {
        env: { ...process.env, no_proxy: '127.0.0.1' },
      })
      assert.match(stdout, /^upstream_refused [Tt]rue [0-9a-f-]{36}\n$/)
    })
  }
})
