import type { Raw } from '../content/pairs.js'
import type { Issue } from '../errors/gateway-error.js'

/** How the parameters of one part are written in a request, where that is more than names and values. */
export interface Spelling {
  /** The names that parameters have in a request, those of spread objects too. */
  readonly declared: readonly string[]
  /** The parameters by the names of the schema, put together from what they are spelled as. */
  read(raw: ReadonlyMap<string, Raw>): Spelled
  /** The items of a list that is written as one text. */
  split(text: string, name: string): string[]
  /** What a place in a parameter is called in a request: `filter[a]`. */
  nameOf(segments: readonly string[]): string
}

/** Parameters as a schema describes them, but for strings that may stand for other types. */
export interface Spelled {
  readonly values: ReadonlyMap<string, unknown>
  /** Those whose strings are strings: JSON has types of its own. */
  readonly exact: ReadonlySet<string>
  /** Those that are not written as they must be. */
  readonly faults: readonly Issue[]
  /** The names that belong to no parameter. */
  readonly left: readonly string[]
}
