import type { Issue } from '../errors/gateway-error.js'
import type { Place } from './schema/places.js'

/** Whose names are looked at: each kind has readers of its own. */
export type Names = 'query' | 'form' | 'headers' | 'cookies'

/** The names for which lenient readers take a name, the shortest first. */
type Readings = (name: string) => readonly string[]

/** Go and .NET find a member in any case; these are all letters that they take for ASCII. */
const foldCase = (name: string): string =>
  name.replace(/[A-Z\u017f\u212a]/g, (letter) =>
    letter === '\u017f' ? 's' : letter === '\u212a' ? 'k' : letter.toLowerCase(),
  )

/** Most brackets that are looked at: those of real names are fewer. */
const DEEPEST = 8

/**
 * qs, PHP and Rack read `name[]`, `name[x]` and `[name]` as `name`, and `name[x][y]` as `name[x]` too;
 * PHP ends a name at a NUL.
 */
const bracketed: Readings = (name) => {
  const [, base = '', rest = ''] = /^[\s[\]]*([^[\]\0]*)([^]*)$/.exec(name) ?? []
  const found = [base]
  for (const [, key = ''] of rest.slice(0, 1000).matchAll(/\[([^[\]]*)/g))
    if (found.length <= DEEPEST) found.push(`${found.at(-1)}[${key}]`)
  return found
}

/** PHP writes an underscore for a dot and a blank. */
const fields: Readings = (name) =>
  bracketed(foldCase(name)).map((text) => text.replace(/[. ]/g, '_'))

const READINGS: Readonly<Record<Names, Readings>> = {
  query: fields,
  form: fields,
  cookies: bracketed,
  // Names are in lower case; CGI and its heirs write an underscore for all that is no letter.
  headers: (name) => [name.replace(/[^a-z\d]/g, '_')],
}

/** Finds names that are not declared, but may be read as one that is. */
export type Lookalikes = (names: Iterable<string>) => readonly Found[]

interface Found {
  readonly name: string
  /** The declared name. */
  readonly meant: string
}

/**
 * Prepares the search among the names of parameters or of the fields of a form.
 *
 * @param declared - The names as they are spelled in the request.
 */
export function lookalikesOf(
  part: Names,
  declared: Iterable<string>,
  place: Pick<Place, 'declares'>,
): Lookalikes {
  const readings = READINGS[part]
  const known = new Set(declared)
  // A list that is declared with its brackets is one without them, too.
  const read = new Map(
    [...known].map((name) => [readings(name.replace(/\[\d*\]$/, '')).at(-1), name]),
  )
  return (names) =>
    [...names].flatMap((name) => {
      if (known.has(name)) return []
      const meant = readings(name)
        .map((reading) => read.get(reading))
        .find((found) => found !== undefined)
      return meant === undefined || place.declares(name) ? [] : [{ name, meant }]
    })
}

/** The issue for a name that may be read as another. */
export const lookalike = (where: Omit<Issue, 'code' | 'detail'>, meant: string): Issue => ({
  ...where,
  code: 'lookalike',
  detail: `is not declared, and may be read as ${JSON.stringify(meant)}; write it so, or leave it out`,
})

const foldedNames = new WeakMap<Place, ReadonlyMap<string, string>>()

function foldedOf(place: Place): ReadonlyMap<string, string> {
  const known = foldedNames.get(place)
  if (known !== undefined) return known
  const folded = new Map([...place.names].map((name) => [foldCase(name), name]))
  foldedNames.set(place, folded)
  return folded
}

/** A member that is not declared. */
export interface FoundMember {
  readonly segments: readonly string[]
  /** The declared name. */
  readonly meant: string
}

/** Finds the first members of a value, at any depth, that may be read as a declared one. */
export function memberLookalikes(
  root: unknown,
  start: Place | undefined,
  most: number,
): readonly FoundMember[] {
  const found: FoundMember[] = []
  // Places of items become texts only where something was found.
  const path: (string | number)[] = []
  const inside = (value: Members, place: Place): void => {
    if (Array.isArray(value))
      value.forEach((item, at) => isObject(item) && step(at, item, place.item(at)))
    else
      for (const name of Object.keys(value)) {
        const member = value[name]
        const meant = place.names.has(name) ? undefined : foldedOf(place).get(foldCase(name))
        if (meant !== undefined && !place.declares(name) && found.length < most)
          found.push({ segments: [...path.map(String), name], meant })
        if (isObject(member)) step(name, member, place.member(name))
      }
  }
  const step = (segment: string | number, value: Members, place: Place | undefined): void => {
    if (place === undefined) return
    path.push(segment)
    inside(value, place)
    path.pop()
  }
  if (isObject(root) && start) inside(root, start)
  return found
}

type Members = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null
