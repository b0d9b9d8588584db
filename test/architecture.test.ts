import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

const source = join(import.meta.dirname, '../src')

/**
 * The rooms from the top down. A file imports from its own room and from those below it; rooms of one
 * line never know each other. The entries are the files directly in `src`.
 */
const FLOORS: readonly (readonly string[])[] = [
  ['entries'],
  ['hosts', 'bin'],
  ['forward'],
  [
    'problem',
    'validation',
    'routing',
    'breaker',
    'transform',
    'telemetry',
    'fleet',
    'client',
    'diagnose',
    'testing',
  ],
  ['observer'],
  ['exchange'],
  ['response'],
  ['circuit', 'failures', 'content'],
  ['errors', 'common'],
]

/** Who may import which package; what is not listed may be imported by nobody. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  ajv: ['validation'],
  'ajv-formats': ['validation'],
  'json-schema-to-ts': ['validation'],
  yaml: ['validation'],
  bytes: ['common'],
  'content-type': ['content'],
  negotiator: ['problem', 'telemetry'],
  'eventsource-parser': ['content'],
  'structured-headers': ['problem', 'diagnose'],
  undici: ['forward'],
  opossum: ['circuit'],
}

interface Import {
  readonly from: string
  readonly to: string
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
)

/** Imports and re-exports, those of types too; a comment or a string has no line of this form. */
const IMPORT =
  /^(?:import|export)\b[^'"=]*?\bfrom '([^']+)'|^import '([^']+)'|\b(?:import|require)\('([^']+)'\)/gm

/** The files behind the names that begin with "#"; one file alone is a package that the build has put there. */
const { imports: aliases } = JSON.parse(readFileSync(join(source, '../package.json'), 'utf8')) as {
  imports: Readonly<Record<string, string | Readonly<Record<string, string>>>>
}

const imports: readonly Import[] = files.flatMap((from) =>
  [...readFileSync(join(source, from), 'utf8').matchAll(IMPORT)].flatMap(([, ...found]) => {
    const to = found.find((name) => name !== undefined) ?? ''
    const alias = aliases[to]
    if (typeof alias === 'string') return [{ from, to: to.slice(1) }]
    if (alias) return Object.values(alias).map((file) => ({ from, to: sourceOf(file) }))
    return [{ from, to: to.startsWith('.') ? targetOf(from, to) : to }]
  }),
)

function targetOf(from: string, to: string): string {
  return relative(source, join(source, dirname(from), to)).replace(/\.js$/, '.ts')
}

/** The source of a compiled file. */
function sourceOf(file: string): string {
  return file.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts')
}

const isFile = (name: string): boolean => files.includes(name)
const roomOf = (file: string): string =>
  file.includes('/') ? (file.split('/')[0] ?? '') : 'entries'
const floorOf = (room: string): number => FLOORS.findIndex((rooms) => rooms.includes(room))

const between: readonly Import[] = imports.filter(({ to }) => isFile(to))

describe('the architecture', () => {
  it('finds the imports', () => {
    assert.ok(between.length > files.length, `${between.length} imports in ${files.length} files`)
  })

  it('has no folders but those of the plan', () => {
    const rooms = new Set(files.map(roomOf))
    assert.deepEqual(
      [...rooms].filter((room) => floorOf(room) === -1),
      [],
    )
  })

  it('has arrows that go one way only', () => {
    const wrong = between
      .map(({ from, to }) => ({ from, to, rooms: [roomOf(from), roomOf(to)] as const }))
      .filter(({ rooms: [a, b] }) => a !== b && floorOf(a) >= floorOf(b))
    assert.deepEqual(
      wrong.map(({ from, to }) => `${from} → ${to}`),
      [],
    )
  })

  it('has no import cycles inside of a folder, type imports included', () => {
    const circles = circlesOf(between.filter(({ from, to }) => roomOf(from) === roomOf(to)))
    assert.deepEqual(circles, [])
  })

  it('lets each package be imported where it belongs', () => {
    const wrong = imports
      .filter(({ to }) => !isFile(to) && !to.startsWith('node:'))
      .map(({ from, to }) => ({ from, name: packageOf(to) }))
      .filter(({ from, name }) => !PACKAGES[name]?.includes(roomOf(from)))
    assert.deepEqual(wrong, [])
  })

  it('has entries that are nothing but exports', () => {
    for (const entry of files.filter((name) => roomOf(name) === 'entries')) {
      const rest = readFileSync(join(source, entry), 'utf8')
        .replace(/\/\*[^]*?\*\//g, '')
        .replace(/^export (?:type )?\{[^}]*\} from '[^']+'$/gm, '')
        .trim()
      assert.equal(rest, '', entry)
    }
  })
})

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/')
  return scope.startsWith('@') ? `${scope}/${name}` : scope
}

/** Files that lead to each other (Tarjan's strongly connected components). */
function circlesOf(edges: readonly Import[]): string[][] {
  const next = new Map<string, string[]>()
  for (const { from, to } of edges) next.set(from, [...(next.get(from) ?? []), to])
  const order = new Map<string, number>()
  const low = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  const visit = (file: string): void => {
    order.set(file, order.size)
    low.set(file, order.get(file) ?? 0)
    open.push(file)
    for (const inner of next.get(file) ?? []) {
      if (!order.has(inner)) visit(inner)
      if (open.includes(inner)) low.set(file, Math.min(low.get(file) ?? 0, low.get(inner) ?? 0))
    }
    if (low.get(file) !== order.get(file)) return
    const members = open.splice(open.lastIndexOf(file))
    if (members.length > 1) circles.push(members.toSorted())
  }
  for (const file of next.keys()) if (!order.has(file)) visit(file)
  return circles
}
