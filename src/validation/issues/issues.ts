import type { ErrorObject } from 'ajv'
import type { Issue } from '../../errors/gateway-error.js'
import { detailOf } from './details.js'
import { type Failed, type Finding, forestOf } from './failures.js'
import { fragmentOf, valueAt } from '../../content/pointer.js'
import { mayBeSecret } from './secrets.js'
import { closest } from './unions.js'

/** What the issues of one value are made from. */
export interface Context extends Finding {
  readonly in: Issue['in']
  /** The value that was checked. */
  readonly value: unknown
  /** Most issues that are listed. */
  readonly max: number
  /** What a place is called in a request, where it is not the first name on the way. */
  readonly nameOf?: NameOf | undefined
}

/** What a place in the parameters of a request is called there. */
export type NameOf = (segments: readonly string[]) => string

/** What a schema found wrong, in the order in which it did. */
export interface Issues {
  readonly errors: readonly Issue[]
  /** Whether there was more than `errors` lists. */
  readonly truncated: boolean
}

/**
 * Turns ajv's errors into issues that point at the very place.
 *
 * A missing member is pointed at itself, and so is one that is not allowed. Of the branches of
 * `oneOf` and `anyOf`, only the one that came closest is reported.
 */
export function issuesOf(errors: readonly ErrorObject[], context: Context): Issues {
  const leaves = forestOf(errors, context).flatMap((failed) => closest(failed, context))
  const found = leaves.length < 2 ? leaves : distinct(telling(leaves), context.max + 1)
  return {
    errors: found.slice(0, context.max).map((leaf) => issueOf(leaf, context)),
    truncated: !context.firstOnly && found.length > context.max,
  }
}

/** A value of a wrong type fails other keywords too, which says nothing. */
function telling(leaves: readonly Failed[]): readonly Failed[] {
  const wrongTypes = new Set(
    leaves.filter(({ error }) => error.keyword === 'type').map(({ error }) => error.instancePath),
  )
  return leaves.filter(
    ({ error }) => error.keyword === 'type' || !wrongTypes.has(error.instancePath),
  )
}

/** The first so many that differ: two branches of allOf may find the same thing. */
function distinct(leaves: readonly Failed[], most: number): Failed[] {
  const found = new Map<string, Failed>()
  for (const leaf of leaves) {
    const { keyword, params } = leaf.error
    const key = JSON.stringify([leaf.segments, keyword, params])
    if (!found.has(key)) found.set(key, leaf)
    if (found.size === most) break
  }
  return [...found.values()]
}

function issueOf({ error, segments }: Failed, context: Context): Issue {
  const { keyword, params, parentSchema } = error
  const place = [...segments, ...beyond(keyword, params)]
  const detail = detailOf({
    secret: mayBeSecret({ in: context.in, keyword, names: place, params }),
    keyword,
    params,
    value: valueAt(context.value, segments),
    names: Object.keys(parentSchema?.['properties'] ?? {}),
  })
  return { in: context.in, ...placeOf(place, context), code: keyword, detail }
}

/** How an issue names its place: by a pointer into a body, or by the name of a parameter. */
export function placeOf(
  place: readonly string[],
  { in: part, nameOf }: Pick<Context, 'in' | 'nameOf'>,
): Pick<Issue, 'pointer' | 'name'> {
  if (part === 'body' || part === 'response') return { pointer: fragmentOf(place) }
  return { name: (nameOf?.(place) ?? place[0] ?? '').slice(0, 200) }
}

/** The parameter of a keyword that names the member or the item that it is about. */
const culprits: Readonly<Record<string, string>> = {
  required: 'missingProperty',
  dependentRequired: 'missingProperty',
  dependencies: 'missingProperty',
  additionalProperties: 'additionalProperty',
  unevaluatedProperties: 'unevaluatedProperty',
  propertyNames: 'propertyName',
  discriminator: 'tag',
  items: 'limit',
  additionalItems: 'limit',
  unevaluatedItems: 'len',
  uniqueItems: 'i',
}

/** The segment from the value that failed to the place that is wrong. */
export function beyond(keyword: string, params: Readonly<Record<string, unknown>>): string[] {
  const parameter = Object.hasOwn(culprits, keyword) ? culprits[keyword] : undefined
  const culprit = parameter === undefined ? undefined : params[parameter]
  return culprit === undefined ? [] : [String(culprit)]
}
