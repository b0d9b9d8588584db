import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(import.meta.dirname, '../..')
const TARGET = join(root, 'src/problem/advice.ts')

const HEAD = `import type { Code } from '../errors/codes.js'

/** What docs/problems.md says of a code, in its Markdown. */
export type Advice = readonly [happened: string, client: string, operator: string]

// Written from docs/problems.md by \`npm run write-advice\`: change it there.
// prettier-ignore
`

/** The texts of docs/problems.md by code. */
export function adviceInDocs(): [code: string, texts: string[]][] {
  const [, ...sections] = readFileSync(join(root, 'docs/problems.md'), 'utf8').split(/^## /m)
  return sections.map((section) => {
    const code = section.split('\n', 1)[0] ?? ''
    const texts = ['What happened', 'Client', 'Operator'].map(
      (part) => new RegExp(`^\\*\\*${part}\\.\\*\\* (.+)$`, 'm').exec(section)?.[1] ?? '',
    )
    return [code, texts]
  })
}

const quoted = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`

function table(): string {
  const rows = adviceInDocs().map(
    ([code, texts]) =>
      `  ${code}: [\n${texts.map((text) => `    ${quoted(text)},\n`).join('')}  ],\n`,
  )
  return `export const advice: Readonly<Record<Code, Advice>> = {\n${rows.join('')}}\n`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(TARGET, HEAD + table())
