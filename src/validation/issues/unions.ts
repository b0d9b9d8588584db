import { type Failed, subschemasOf } from './failures.js'
import { valueAt } from '../../content/pointer.js'
import type { Follow } from '../schema/references.js'
import { fitsType, type Shape, shapeOf } from './shape.js'

interface Scene {
  readonly value: unknown
  readonly follow: Follow
}

interface Branch {
  readonly shape: Shape
  readonly failures: readonly Failed[]
}

/** The failures that help most: for a union those of the branch that came closest. */
export function closest(failed: Failed, scene: Scene): readonly Failed[] {
  const { keyword, params } = failed.error
  if (keyword !== 'oneOf' && keyword !== 'anyOf') return [failed]
  // More than one branch matched: none of their failures is to blame.
  if (Array.isArray(params['passingSchemas'])) return [failed]
  const branches = subschemasOf(failed.error).map((schema, index) => ({
    shape: shapeOf(schema, scene.follow),
    failures: failed.branches[index] ?? [],
  }))
  if (branches.length === 0) return deepest(failed, scene)
  const value = valueAt(scene.value, failed.segments)
  const fitting = branches.filter(({ shape }) => fitsType(shape, value))
  if (!isFilled(fitting)) return [wrongType(failed, branches)]
  const choice = wrongChoice(failed, fitting, value)
  if (choice !== undefined) return [choice]
  const failures = fittest(fitting, value).failures.flatMap((inner) => closest(inner, scene))
  return failures.length > 0 ? failures : [failed]
}

// The client chooses how many members there are; those after this say nothing new.
const MOST_MEMBERS = 1000

function fittest(branches: readonly [Branch, ...Branch[]], value: unknown): Branch {
  const given = membersOf(value).slice(0, MOST_MEMBERS)
  const ranked = branches.map((branch) => ({ branch, rank: rank(branch, value, given) }))
  return ranked.reduce((a, b) => (compare(b.rank, a.rank) < 0 ? b : a)).branch
}

const membersOf = (value: unknown): string[] =>
  typeof value === 'object' && value !== null ? Object.keys(value) : []

const isFilled = <T>(list: readonly T[]): list is readonly [T, ...T[]] => list.length > 0

/** Without the schemas, the failure that lies deepest is the best guess. */
function deepest(failed: Failed, scene: Scene): readonly Failed[] {
  const best = failed.branches.flat().toSorted((a, b) => depthOf(b) - depthOf(a))[0]
  return best === undefined ? [failed] : closest(best, scene)
}

function wrongType(failed: Failed, branches: readonly Branch[]): Failed {
  const types = new Set(branches.flatMap(({ shape }) => [...(shape.types ?? [])]))
  return replace(failed, 'type', { type: [...types] })
}

/** All branches want another value in the same member: then this member is wrong. */
function wrongChoice(
  failed: Failed,
  branches: readonly Branch[],
  value: unknown,
): Failed | undefined {
  const names = branches[0]?.shape.choices.keys() ?? []
  for (const name of names) {
    const given = valueAt(value, [name])
    const lists = branches.map(({ shape }) => shape.choices.get(name))
    if (given === undefined || lists.some((list) => list === undefined || list.has(given))) continue
    const allowed = [...new Set(lists.flatMap((list) => [...(list ?? [])]))]
    const inside = { ...failed, segments: [...failed.segments, name] }
    return replace(inside, 'enum', { allowedValues: allowed })
  }
  return undefined
}

function replace(failed: Failed, keyword: string, params: Record<string, unknown>): Failed {
  return { ...failed, error: { ...failed.error, keyword, params }, branches: [] }
}

/** The smaller, the closer; earlier numbers weigh more. */
type Rank = readonly number[]

function rank({ shape, failures }: Branch, value: unknown, given: readonly string[]): Rank {
  // A branch whose failures are not known may be any; it comes last.
  const shallowest = failures.length === 0 ? -1 : Math.min(...failures.map(depthOf))
  return [otherChoices(shape, value), misfits(shape, value, given), -shallowest, failures.length]
}

function compare(a: Rank, b: Rank): number {
  const at = a.findIndex((number, index) => number !== b[index])
  return at === -1 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

const depthOf = ({ segments, error }: Failed): number =>
  segments.length + (error.keyword === 'required' ? 1 : 0)

/** Members that have another value than the only one that the branch takes. */
function otherChoices({ choices }: Shape, value: unknown): number {
  return [...choices].filter(([name, allowed]) => {
    const given = valueAt(value, [name])
    return allowed.size === 1 && given !== undefined && !allowed.has(given)
  }).length
}

/** Members that are missing, or that the branch does not know. */
function misfits({ required, closed }: Shape, value: unknown, given: readonly string[]): number {
  const missing = [...required].filter((name) => valueAt(value, [name]) === undefined)
  const unknown = closed === undefined ? [] : given.filter((name) => !closed.has(name))
  return missing.length + unknown.length
}
