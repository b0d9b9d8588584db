import type { Raw } from '../content/pairs.js'
import type { Issue } from '../errors/gateway-error.js'
import { checkParameters, type Coercion } from './coerce.js'
import { type Issues, placeOf } from './issues/issues.js'
import {
  lookalike,
  type Lookalikes,
  lookalikesOf,
  memberLookalikes,
  type Names,
} from './lookalikes.js'
import type { Checker } from './schema/compile.js'
import type { Spelled, Spelling } from './spelling.js'

/** How one part of a request is read and checked. */
export interface PartPlan {
  readonly checker: Checker
  /** How its names and values are written; undefined where they are what they are. */
  readonly spelling?: Spelling | undefined
}

/** Names and values that were checked. */
export interface CheckedPairs {
  readonly value: Readonly<Record<string, unknown>>
  readonly issues: Issues | undefined
}

/** What names and values are those of. */
export interface PairsRules extends Pick<Coercion, 'split' | 'parse'> {
  readonly in: Issue['in']
  /** Whose names they are, for the search for lookalikes; undefined where nobody is misled. */
  readonly names: Names | undefined
  /** Characters of their text. */
  readonly size?: number
}

/** Checks names and values: parameters of a request, or the fields of a form. */
export function checkPairs(
  raw: ReadonlyMap<string, Raw>,
  plan: PartPlan,
  rules: PairsRules,
): CheckedPairs {
  const { checker, spelling } = plan
  const { values, exact, faults, left } = spelling?.read(raw) ?? plainly(raw)
  const split = spelling ? spelling.split.bind(spelling) : rules.split
  const { value, errors } = checkParameters(checker.check, values, { exact, ...rules, split })
  if (faults.length > 0) return { value, issues: { errors: faults, truncated: false } }
  const about = { size: rules.size, nameOf: spelling?.nameOf.bind(spelling) }
  if (errors) return { value, issues: checker.explain(errors, value, about) }
  const found = lookalikesIn({ value, left }, plan, rules)
  const more = found.length > 0 ? found : (checker.refine?.(value, about) ?? [])
  return { value, issues: more.length > 0 ? { errors: more, truncated: false } : undefined }
}

const plainly = (raw: ReadonlyMap<string, Raw>): Spelled => ({
  values: raw,
  exact: new Set(),
  faults: [],
  left: [...raw.keys()],
})

const searches = new WeakMap<Checker, Lookalikes>()

interface Found {
  readonly value: CheckedPairs['value']
  /** The names that belong to no parameter. */
  readonly left: readonly string[]
}

function lookalikesIn(
  { value, left }: Found,
  { checker, spelling }: PartPlan,
  { in: part, names }: PairsRules,
): readonly Issue[] {
  const { place } = checker
  if (names === undefined || place === undefined) return []
  const known = searches.get(checker)
  const search = known ?? lookalikesOf(names, spelling?.declared ?? place.names, place)
  searches.set(checker, search)
  const outside = search(left).map(({ name, meant }) =>
    lookalike({ in: part, ...placeOf([name], { in: part }) }, meant),
  )
  const nameOf = spelling?.nameOf.bind(spelling)
  const inside = Object.entries(value).flatMap(([name, inner]) =>
    memberLookalikes(inner, place.member(name), 1).map(({ segments, meant }) =>
      lookalike({ in: part, ...placeOf([name, ...segments], { in: part, nameOf }) }, meant),
    ),
  )
  return [...outside, ...inside]
}
