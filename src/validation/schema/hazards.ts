import { fragmentOf } from '../../content/pointer.js'
import { branchingOf } from './recursion.js'
import { isQuadratic } from './patterns.js'
import { isSchemaObject, type SchemaObject } from './references.js'

const SCALARS = new Set(['string', 'number', 'integer', 'boolean', 'null'])
/** Most places that one warning names. */
const MOST_NAMED = 3

// One warning for each schema and document, however many routes use it.
const looked = new WeakSet<object>()

/** Warns of keywords that let a small body cost much time, once for each schema. */
export function warnOfHazards(name: string, schema: unknown): void {
  if (!isSchemaObject(schema) || looked.has(schema)) return
  looked.add(schema)
  const found = hazardsIn(schema)
  if (found.length === 0) return
  const more = found.length > MOST_NAMED ? `; and ${found.length - MOST_NAMED} more` : ''
  process.emitWarning(
    `good-gateway: validate: ${name}: ${found.slice(0, MOST_NAMED).join('; ')}${more}`,
    { code: 'GOOD_GATEWAY_SCHEMA' },
  )
}

const BRANCHES_BACK =
  'has branches that lead back to it, which may take exponential time in the depth of a body; ' +
  'tell them apart with if and then, or lower maxDepth'

function hazardsIn(root: SchemaObject): string[] {
  const found: string[] = []
  const seen = new Set<object>()
  const branchesBack = branchingOf(root)
  const open: [value: unknown, segments: readonly string[]][] = [[root, []]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, segments] = next
    if (typeof value !== 'object' || value === null || seen.has(value)) continue
    seen.add(value)
    if (isSchemaObject(value)) {
      found.push(...hazardsOf(value, segments))
      if (branchesBack(value)) found.push(`${fragmentOf(segments)} ${BRANCHES_BACK}`)
    }
    for (const [key, inner] of Object.entries(value)) open.push([inner, [...segments, key]])
  }
  return found
}

function hazardsOf(schema: SchemaObject, segments: readonly string[]): string[] {
  const place = fragmentOf(segments)
  const { uniqueItems, maxItems, pattern, patternProperties } = schema
  const isOpen = uniqueItems === true && maxItems === undefined && !hasScalarItems(schema)
  const names = isSchemaObject(patternProperties) ? Object.keys(patternProperties) : []
  return [
    ...(isOpen
      ? [
          `has uniqueItems without maxItems, so a body says how many items are compared; add maxItems`,
        ]
      : []),
    ...(pattern === undefined ? [] : [hazardOfPattern(pattern, schema['maxLength'])]),
    ...names.map((name) => hazardOfPattern(name, undefined)),
  ].flatMap((hazard) => (hazard === undefined ? [] : [`${place} ${hazard}`]))
}

/** Characters of a text for which the square of its length is no time. */
const SHORT = 2000

function hazardOfPattern(pattern: unknown, maxLength: unknown): string | undefined {
  if (typeof pattern !== 'string') return undefined
  if (hasNestedQuantifiers(pattern))
    return 'has a pattern with nested quantifiers, which may take exponential time; rewrite it, or set ajv.code.regExp'
  if (Number(maxLength) <= SHORT || !isQuadratic(pattern)) return undefined
  return 'has a pattern that may take quadratic time in the length of a text; add maxLength, anchor it with ^, or set ajv.code.regExp'
}

/** Items of scalar types are compared by a hash. */
function hasScalarItems({ items }: SchemaObject): boolean {
  if (!isSchemaObject(items) || items['type'] === undefined) return false
  return [items['type']].flat().every((type) => SCALARS.has(String(type)))
}

/** One alternative of a group. */
interface Group {
  /** Whether something in it is repeated without a bound. */
  repeats: boolean
  /** Whether a character stands in it once, which keeps the repetitions apart. */
  separated: boolean
  /** Whether an alternative before it consists of repeated parts. */
  loose: boolean
}

/** An atom: an escape, a class, the start or the end of a group, or a character. */
const ATOM =
  /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[^]/gu
const UNBOUNDED = /^(?:[*+]|\{\d+,\})/
const ANY_QUANTIFIER = /^(?:[*+?]|\{\d+(?:,\d*)?\})\??/
const ESCAPED_CLASS = /^\\[dDwWsSpPbB]/

/** Whether a repeated group consists of repeated parts: `(a+)+` can be matched in 2ⁿ ways. */
export function hasNestedQuantifiers(pattern: string): boolean {
  const groups: Group[] = [start()]
  for (let at = 0; at < pattern.length;) {
    ATOM.lastIndex = at
    const atom = ATOM.exec(pattern)?.[0] ?? pattern.charAt(at)
    at += atom.length
    const quantifier = ANY_QUANTIFIER.exec(pattern.slice(at, at + 20))?.[0] ?? ''
    if (atom.startsWith('(')) groups.push(start())
    else if (step(groups, atom, quantifier)) return true
    else at += quantifier.length
  }
  return false
}

const start = (): Group => ({ repeats: false, separated: false, loose: false })

const isLoose = ({ loose, repeats, separated }: Group): boolean => loose || (repeats && !separated)

/** Takes one atom in; true when it ends a repeated group of repeated parts. */
function step(groups: Group[], atom: string, quantifier: string): boolean {
  const closed = atom === ')' && groups.length > 1 ? groups.pop() : undefined
  const group = groups.at(-1) ?? start()
  const isNested = closed !== undefined && isLoose(closed)
  const unbounded = UNBOUNDED.test(quantifier)
  if (atom === '|') Object.assign(group, { ...start(), loose: isLoose(group) })
  group.repeats ||= unbounded || isNested
  const isLiteral = !/^[.[|)^$]/.test(atom) && !ESCAPED_CLASS.test(atom)
  group.separated ||= isLiteral && quantifier === ''
  return isNested && unbounded
}
