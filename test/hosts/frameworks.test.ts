import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import {
  compile,
  createProject,
  examplesIn,
  listens,
  running,
  startable,
} from '../support/documents.js'
import { checkRecipe, recipeUpstream } from '../support/frameworks.js'
import { type Listening, listen } from '../support/servers.js'

const recipes = examplesIn('docs/guide/hosts.md').filter(
  (example) => listens(example) && example.code.includes("name: 'stock'"),
)

describe('the recipes for other frameworks', function () {
  this.timeout(30_000)
  let project: string
  let origin: Listening
  before(async () => {
    project = createProject()
    origin = await listen(recipeUpstream())
  })
  after(async () => {
    await origin.close()
    rmSync(project, { recursive: true })
  })

  it('are found', () => assert.ok(recipes.length >= 8, `${recipes.length}`))

  for (const { name, heading, code } of recipes) {
    it(`${heading} (${name}): checks, proxies, answers what fire rejects with, and upgrades`, async () => {
      const file = compile(project, `framework-${name}`, startable(code, origin.url))
      await running(project, [file], async (url) => {
        await checkRecipe(url, code.includes('upgradeListener'))
      })
    })
  }
})
