// Leaves in declarations (.d.ts) what somebody who imports an entry can come to. It relies on the form that
// the compiler gives them: a statement begins where a line begins, and an import takes one line.
import { dirname, join } from 'node:path'

const START =
  /^(?=\/\*\*|\/\/#)|(?<!\*\/\n)^(?=(?:export|declare|import|interface|type|abstract|class|const|function)\b)/m
const COMMENTS = /\/\*\*[^]*?\*\/\n?/g
const DECLARED =
  /^(?:export )?(?:declare )?(?:abstract )?(?:interface|type|class|const|function) (\w+)/
const LINKS = /^((?:import|export)(?: type)?) \{ (.+?),? \}(?: from ['"](.+)['"])?;/
const INLINE = /\bimport\(['"](\.[^'"]+)['"]\)\.(\w+)/g
const LINK = /^(?:type )?(\w+)(?: as (\w+))?$/

/** What is left of declarations: texts by their paths, and the paths of the entries. */
export function reachable(texts, entries) {
  const files = new Map([...texts].map(([path, text]) => [path, statementsOf(path, text)]))
  const reached = new Set()
  const reach = ([path, name]) => {
    const place = `${path} ${name}`
    if (!files.has(path) || reached.has(place)) return
    reached.add(place)
    for (const { names, leadsTo } of files.get(path))
      if (names.has(name)) leadsTo(name).forEach(reach)
  }
  for (const path of entries)
    for (const { names } of files.get(path)) for (const name of names) reach([path, name])
  const textOf = (path, statements) => {
    const left = (name) => reached.has(`${path} ${name}`)
    const isEmpty = !statements.some(({ names }) => [...names].some(left))
    return isEmpty ? '' : statements.map(({ text }) => text(left)).join('')
  }
  return new Map([...files].map(([path, statements]) => [path, textOf(path, statements)]))
}

const statementsOf = (path, text) =>
  text
    .split(START)
    .filter((code) => !code.startsWith('//#'))
    .map((code) => linksOf(path, code) ?? declarationOf(path, code))

/** An import, or a list of exports. */
function linksOf(path, code) {
  const [, verb, list, from] = LINKS.exec(code) ?? []
  if (verb === undefined) return undefined
  const links = list.split(', ').map((link) => {
    const [, name, local = name] = LINK.exec(link)
    return { link, name, local }
  })
  return {
    names: new Set(links.map(({ local }) => local)),
    leadsTo: (wanted) =>
      links
        .filter(({ local }) => local === wanted)
        .map(({ name }) => [from ? targetOf(path, from) : path, name]),
    text(left) {
      const used = links.filter(({ local }) => left(local)).map(({ link }) => link)
      const source = from ? ` from '${from}'` : ''
      return used.length === 0 ? '' : `${verb} { ${used.join(', ')} }${source};\n`
    },
  }
}

/** Any other statement; one without a name stays. */
function declarationOf(path, code) {
  const bare = code.replaceAll(COMMENTS, '')
  const [, name] = DECLARED.exec(bare) ?? []
  const words = new Set(bare.match(/\w+/g))
  const inline = [...bare.matchAll(INLINE)].map(([, from, of]) => [targetOf(path, from), of])
  return {
    names: new Set(name === undefined ? [] : [name]),
    leadsTo: () => [...inline, ...[...words].map((word) => [path, word])],
    text: (left) => (name === undefined || left(name) ? code : ''),
  }
}

const targetOf = (path, from) => join(dirname(path), from).replace(/\.js$/, '.d.ts')
