import type { ErrorObject } from 'ajv'
import { segmentsOf } from '../../content/pointer.js'
import { type Follow, isSchemaObject } from '../schema/references.js'
import { schemasAt } from '../schema/subschemas.js'

/** A failed keyword, with the failures inside it. */
export interface Failed {
  readonly error: ErrorObject
  /** The place of the value, as decoded segments. */
  readonly segments: readonly string[]
  /** The failures of each subschema of the keyword, in their order; one list when they are not known. */
  readonly branches: readonly (readonly Failed[])[]
}

/** How ajv found the errors. */
export interface Finding {
  readonly follow: Follow
  /** Each subschema stopped at its first error. */
  readonly firstOnly: boolean
}

/** Keywords whose error comes after the errors of the subschemas that caused it. */
const COMPOSITES = new Set(['oneOf', 'anyOf', 'propertyNames', 'contains'])
// A hostile body can fail in more places than anybody reads.
const MOST = 4000

/**
 * Makes ajv's flat list of errors a forest: each union with the errors of its branches.
 *
 * ajv reports the branches first and does not say which error belongs to which. When each stopped at
 * its first error, counting tells; else the schema that an error comes from (`verbose` must be on).
 */
export function forestOf(errors: readonly ErrorObject[], finding: Finding): Failed[] {
  const forest: Failed[] = []
  for (const error of errors.length > MOST ? errors.slice(0, MOST) : errors) {
    // It only repeats that `then` or `else` failed.
    if (error.keyword === 'if') continue
    const segments = segmentsOf(error.instancePath)
    const branches = COMPOSITES.has(error.keyword) ? takeBranches(forest, error, finding) : []
    forest.push({ error, segments, branches })
  }
  return forest
}

/** The subschemas of the keyword that failed; none when a precompiled function does not tell. */
export function subschemasOf({ keyword, parentSchema }: ErrorObject): readonly unknown[] {
  return parentSchema === undefined ? [] : [parentSchema[keyword]].flat()
}

/** Takes the failures inside a composite from the end of the forest, last branch first. */
function takeBranches(forest: Failed[], error: ErrorObject, finding: Finding): Failed[][] {
  const schemas = failingOf(error)
  if (schemas.length === 0) return [takeWhile(forest, (last) => isInside(last, error))]
  // Each item that does not match leaves an error.
  const many = !finding.firstOnly || error.keyword === 'contains'
  const branches = schemas.toReversed().map((schema) => {
    if (!many) return takeOne(forest, error)
    const comesFrom = originOf(schema, depthOf(error), finding.follow)
    const seen = new Set<string>()
    return takeWhile(forest, (last) => {
      if (!isInside(last, error) || !comesFrom(last)) return false
      // The same error again is that of another branch, which shares a definition.
      const key = JSON.stringify([last.segments, last.error.schemaPath, last.error.params])
      return !seen.has(key) && seen.add(key) !== undefined
    })
  })
  return branches.toReversed()
}

/** Takes one failure, with what other keywords of the same schema found: `type` does not stop `enum`. */
function takeOne(forest: Failed[], error: ErrorObject): Failed[] {
  const one = forest.at(-1)?.error
  const seen = new Set<string>()
  return takeWhile(forest, (last) => {
    const { keyword, parentSchema, instancePath } = last.error
    const same = parentSchema === one?.parentSchema && instancePath === one?.instancePath
    return isInside(last, error) && same && !seen.has(keyword) && seen.add(keyword) !== undefined
  })
}

/** The subschemas that were checked and failed: `oneOf` stops at the second that matches. */
function failingOf(error: ErrorObject): readonly unknown[] {
  const schemas = subschemasOf(error)
  const passing: unknown = error.params['passingSchemas']
  if (!Array.isArray(passing)) return schemas
  return schemas.slice(0, Number(passing[1])).filter((_, index) => index !== passing[0])
}

function takeWhile(forest: Failed[], belongs: (last: Failed) => boolean): Failed[] {
  let from = forest.length
  for (let last = forest[from - 1]; last !== undefined && belongs(last); last = forest[from - 1])
    from -= 1
  return forest.splice(from)
}

function isInside(failed: Failed | undefined, { instancePath }: ErrorObject): boolean {
  const path = failed?.error.instancePath
  return path === instancePath || path?.startsWith(`${instancePath}/`) === true
}

/** How deep the values lie that the subschemas of a keyword apply to. */
const depthOf = ({ keyword, instancePath }: ErrorObject): number =>
  segmentsOf(instancePath).length + (keyword === 'contains' ? 1 : 0)

/** Tells whether a failure comes from a schema that applies to a value at this depth. */
function originOf(schema: unknown, depth: number, follow: Follow) {
  return ({ error: { parentSchema }, segments }: Failed): boolean =>
    isSchemaObject(parentSchema) &&
    schemasAt(schema, segments.slice(depth), follow).has(parentSchema)
}
