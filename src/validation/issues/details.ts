import { nearest } from '../../common/nearest.js'

/** What a failed keyword says about itself. */
export interface Failure {
  readonly keyword: string
  /** The parameters that ajv gives for the keyword. */
  readonly params: Readonly<Record<string, unknown>>
  /** The value that failed; it never reaches the text. */
  readonly value: unknown
  /** The names that the schema declares at this place. */
  readonly names: readonly string[]
  /** Whether what the schema holds must not be told. */
  readonly secret?: boolean
}

const LONGEST = 300
const MOST_VALUES = 10

const articles: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'a boolean',
  integer: 'an integer',
  null: 'null',
  number: 'a number',
  object: 'an object',
  string: 'a string',
}

type Text = (failure: Failure) => string

const counted = (bound: string, thing: string): Text => {
  return ({ params: { limit }, value }) =>
    `must have ${bound} ${limit} ${thing}${limit === 1 ? '' : 's'}${has(value)}`
}

/** By how much it is wrong; the number says nothing that the client does not know. */
function has(value: unknown): string {
  const count = countOf(value)
  return count === undefined ? '' : `, and has ${count}`
}

// Longer strings are not counted: it would take as long as the check did.
const LONGEST_COUNTED = 100_000

function countOf(value: unknown): number | undefined {
  if (Array.isArray(value)) return value.length
  if (typeof value === 'object' && value !== null) return Object.keys(value).length
  if (typeof value !== 'string' || value.length > LONGEST_COUNTED) return undefined
  return [...value].length
}
const compared: Text = ({ params: { comparison, limit } }) => `must be ${comparison} ${limit}`
const conditional: Text = ({ params: { property } }) =>
  `is required when ${quote(property)} is present`
const unknownMember: Text = ({ params, names }) =>
  `is not allowed${meant(params['additionalProperty'] ?? params['unevaluatedProperty'], names)}`
const surplusItem: Text = ({ params: { limit } }) => `is not allowed: the most items are ${limit}`
const compareFormat: Text = ({ params: { comparison, limit } }) =>
  `must be ${comparison} ${quote(limit)}`

const texts: Readonly<Record<string, Text>> = {
  type: ({ params: { type } }) => `must be ${either([type].flat().map(article))}`,
  required: () => 'is required',
  dependentRequired: conditional,
  dependencies: conditional,
  additionalProperties: unknownMember,
  unevaluatedProperties: unknownMember,
  propertyNames: ({ params: { propertyName }, names }) =>
    `has a name that is not allowed${meant(propertyName, names)}`,
  items: surplusItem,
  additionalItems: surplusItem,
  unevaluatedItems: ({ params: { len } }) => `is not allowed: the most items are ${len}`,
  enum: ({ params: { allowedValues }, value }) => oneOfValues([allowedValues].flat(), value),
  const: ({ params: { allowedValue } }) => `must be ${quote(allowedValue)}`,
  minimum: compared,
  maximum: compared,
  exclusiveMinimum: compared,
  exclusiveMaximum: compared,
  formatMinimum: compareFormat,
  formatMaximum: compareFormat,
  formatExclusiveMinimum: compareFormat,
  formatExclusiveMaximum: compareFormat,
  multipleOf: ({ params: { multipleOf } }) => `must be a multiple of ${multipleOf}`,
  minLength: counted('at least', 'character'),
  maxLength: counted('at most', 'character'),
  minItems: counted('at least', 'item'),
  maxItems: counted('at most', 'item'),
  minProperties: counted('at least', 'member'),
  maxProperties: counted('at most', 'member'),
  pattern: ({ params: { pattern } }) => `must match the pattern ${pattern}`,
  format: ({ params: { format } }) => `must have the format ${quote(format)}`,
  uniqueItems: () => 'must not repeat an earlier item',
  contains: ({ params }) => `must contain ${range(params)} of the items that the schema describes`,
  not: () => 'must not have the form that the schema excludes',
  oneOf: ({ params: { passingSchemas } }) =>
    passingSchemas
      ? 'must match only one of the allowed forms'
      : 'must match one of the allowed forms',
  anyOf: () => 'must match at least one of the allowed forms',
  'false schema': () => 'is not allowed',
}

/** Says in plain English what a keyword expects; the values of the client are not shown. */
export function detailOf(failure: Failure): string {
  if (failure.secret === true) return 'is not the value that is expected'
  const text = Object.hasOwn(texts, failure.keyword) ? texts[failure.keyword] : undefined
  const detail =
    text?.(failure) ?? `must satisfy the keyword ${quote(failure.keyword)} of the schema`
  return detail.length > LONGEST ? `${detail.slice(0, LONGEST - 1)}…` : detail
}

const quote = (value: unknown): string => JSON.stringify(value) ?? 'undefined'
const article = (type: unknown): string => articles[String(type)] ?? String(type)

function either(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`
}

function meant(given: unknown, names: readonly string[]): string {
  const name = typeof given === 'string' ? nearest(given, names) : undefined
  return name === undefined ? '' : `; did you mean ${quote(name)}?`
}

function oneOfValues(allowed: readonly unknown[], value: unknown): string {
  const shown = allowed.slice(0, MOST_VALUES).map(quote)
  const more = allowed.length - shown.length
  const strings = allowed.filter((item) => typeof item === 'string')
  const list = more > 0 ? `one of ${shown.join(', ')} and ${more} more` : either(shown)
  return `must be ${list}${meant(value, strings)}`
}

function range({ minContains = 1, maxContains }: Failure['params']): string {
  const least = `at least ${minContains}`
  return maxContains === undefined ? least : `${least} and at most ${maxContains}`
}
