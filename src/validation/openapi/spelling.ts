import { parseJson } from '../../content/json.js'
import { decodeUtf8 } from '../../content/utf8.js'
import type { Raw } from '../../content/pairs.js'
import type { Issue } from '../../errors/gateway-error.js'
import type { Spelled, Spelling } from '../spelling.js'
import type { Kinds } from './kinds.js'
import {
  isSpread,
  itemsIn,
  keysIn,
  membersIn,
  plain,
  put,
  type Tree,
  withoutPrefix,
  type Written,
} from './styles.js'

/** A parameter, or a field of a form, with all that tells how it is written. */
export interface Spelt extends Written {
  readonly kinds: Kinds
  /** Whether its value is JSON. */
  readonly json: boolean
  readonly required: boolean
}

/** How the parameters of one part are written, by their descriptions. */
export function spellingOf(part: Issue['in'], parameters: readonly Spelt[]): Spelling {
  const known = new Map(parameters.map((parameter) => [parameter.name, parameter]))
  const declared = parameters.flatMap((parameter) =>
    isSpreadObject(parameter) ? [...parameter.kinds.members.keys()] : [parameter.name],
  )
  return {
    declared,
    read: (raw) => new Reading(part, raw).all(parameters),
    split: (text, name) => {
      const parameter = known.get(name)
      return parameter ? itemsIn(text, parameter) : [text]
    },
    nameOf: ([name = '', ...inside]) => {
      const parameter = known.get(name)
      if (parameter === undefined || inside.length === 0) return name
      if (isSpreadObject(parameter)) return inside[0] ?? name
      return parameter.style === 'deepObject'
        ? name + inside.map((key) => `[${key}]`).join('')
        : name
    },
  }
}

const isOnly = ({ kinds }: Spelt, kind: 'list' | 'object'): boolean =>
  kinds[kind] && !kinds.scalar && !kinds[kind === 'list' ? 'object' : 'list']

const isSpreadObject = (parameter: Spelt): boolean =>
  isSpread(parameter) && !parameter.json && isOnly(parameter, 'object')

// As deep as a value in a query may reasonably be.
const MOST_LEVELS = 64

/** One request's parameters on their way from names and texts to values. */
class Reading {
  readonly #part: Issue['in']
  readonly #raw: ReadonlyMap<string, Raw>
  readonly #left: Set<string>
  readonly #values = new Map<string, unknown>()
  readonly #exact = new Set<string>()
  readonly #faults: Issue[] = []

  constructor(part: Issue['in'], raw: ReadonlyMap<string, Raw>) {
    this.#part = part
    this.#raw = raw
    this.#left = new Set(raw.keys())
  }

  all(parameters: readonly Spelt[]): Spelled {
    // Objects of any members come last: what is described by itself is none of theirs.
    for (const parameter of parameters.filter((each) => !isSpreadObject(each))) this.#one(parameter)
    for (const parameter of parameters.filter(isSpreadObject)) this.#spread(parameter)
    return { values: this.#values, exact: this.#exact, faults: this.#faults, left: [...this.#left] }
  }

  #take(name: string): Raw | undefined {
    this.#left.delete(name)
    return this.#raw.get(name)
  }

  #fault(name: string, code: string, detail: string): void {
    const where = this.#part === 'body' ? { pointer: `#/${encodeURIComponent(name)}` } : { name }
    this.#faults.push({ in: this.#part, ...where, code, detail })
  }

  #one(parameter: Spelt): void {
    const { name } = parameter
    const raw = this.#take(name)
    const deep = parameter.style === 'deepObject' ? this.#deep(parameter) : undefined
    if (raw !== undefined && deep !== undefined)
      return this.#fault(name, 'style', 'must be written in one way')
    const value = raw === undefined ? deep : this.#valueOf(parameter, raw)
    if (value !== undefined) this.#values.set(name, value)
  }

  #valueOf(parameter: Spelt, raw: Raw): unknown {
    if (parameter.json) return this.#json(parameter, raw)
    if (Array.isArray(raw))
      return isSpread(parameter) ? raw : raw.flatMap((text) => itemsIn(text, parameter))
    const isObject = isOnly(parameter, 'object')
    const isList = isOnly(parameter, 'list')
    const text = withoutPrefix(raw, parameter, parameter.explode && (isObject || isList))
    if (text === undefined) {
      this.#fault(parameter.name, 'style', `must be written in the style ${parameter.style}`)
      return raw
    }
    if (isObject && parameter.style !== 'deepObject') return membersIn(text, parameter) ?? text
    return isList ? itemsIn(text, parameter) : text
  }

  #json({ name }: Spelt, raw: Raw): unknown {
    this.#exact.add(name)
    try {
      return parseJson(decodeUtf8(Buffer.from(String(raw))), MOST_LEVELS)
    } catch {
      this.#fault(name, 'contentMediaType', 'must be one value of JSON')
      return undefined
    }
  }

  /** `filter[a]=1&filter[b][]=2`, as qs writes it. */
  #deep({ name }: Spelt): unknown {
    const tree: Tree = new Map()
    for (const given of this.#left) {
      const keys = given.startsWith(`${name}[`) ? keysIn(given.slice(name.length)) : undefined
      if (keys && !put(tree, keys, this.#take(given) ?? ''))
        this.#fault(given.slice(0, 200), 'style', 'must be written in one way')
    }
    return tree.size > 0 ? plain(tree) : undefined
  }

  #spread({ name, kinds, required }: Spelt): void {
    const names = kinds.open
      ? [...this.#left]
      : [...this.#left].filter((given) => kinds.members.has(given))
    const members = names.map((given) => [given, this.#take(given)] as const)
    if (members.length > 0 || required) this.#values.set(name, Object.fromEntries(members))
  }
}
