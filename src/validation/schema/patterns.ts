/** The most that a part of a pattern may be repeated, and the least. */
interface Quantified {
  readonly min: number
  readonly max: number
}

/** A part of a pattern: characters, alternatives in a group, or a place that must be so. */
type Part = Quantified &
  (
    | { readonly kind: 'characters'; readonly set: bigint }
    | { readonly kind: 'group'; readonly alternatives: readonly (readonly Part[])[] }
    | { readonly kind: 'assertion'; readonly isStart: boolean }
  )

/** What may stand at one place: escapes, classes, groups, and single characters. */
const ATOM =
  /\\(?:[pP]\{[^}]*\}|u\{[^}]*\}|u[\da-fA-F]{4}|x[\da-fA-F]{2}|k<\w+>|.)|\[(?:\\.|[^\]\\])*\]|\((?:\?(?:[:=!]|<[=!]|<\w+>))?|[^]/uy
const QUANTIFIER = /(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/y

/** Characters that stand for all others: a pattern tells apart only a few kinds. */
const SAMPLES = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  'é',
  '中',
  '\u2028',
]
const ALL = (1n << BigInt(SAMPLES.length)) - 1n

const sets = new Map<string, bigint>()
// Documents repeat themselves; those that do not must not fill the memory.
const MOST_SETS = 1000

/** The characters that an atom takes, one bit for each sample. */
function setOf(atom: string): bigint {
  const known = sets.get(atom)
  if (known !== undefined) return known
  let set = ALL
  try {
    const pattern = new RegExp(`^(?:${atom})$`, 'u')
    set = SAMPLES.reduce(
      (mask, char, at) => (pattern.test(char) ? mask | (1n << BigInt(at)) : mask),
      0n,
    )
  } catch {
    // What cannot be read alone may take anything.
  }
  if (sets.size < MOST_SETS) sets.set(atom, set)
  return set
}

/** Reads a pattern from a place on, up to the end of its group. */
class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  alternatives(): Part[][] {
    const found: Part[][] = [[]]
    for (let atom = this.#take(ATOM); atom !== undefined; atom = this.#take(ATOM)) {
      if (atom === ')') return found
      if (atom === '|') found.push([])
      else found.at(-1)?.push(this.#part(atom))
    }
    return found
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#text)?.[0]
    this.#at += found?.length ?? 0
    return found === '' ? undefined : found
  }

  #part(atom: string): Part {
    if (atom.startsWith('(')) {
      const alternatives = this.alternatives()
      const looks = /^\(\?(?:<?[=!])/.test(atom)
      const quantified = quantifiedBy(this.#take(QUANTIFIER))
      if (looks) return { kind: 'assertion', isStart: false, min: 1, max: 1 }
      return { kind: 'group', alternatives, ...quantified }
    }
    if (atom === '^' || atom === '$' || /^\\b/i.test(atom))
      return { kind: 'assertion', isStart: atom === '^', min: 1, max: 1 }
    const set = /^\\(?:\d|k)/.test(atom) ? ALL : setOf(atom)
    return { kind: 'characters', set, ...quantifiedBy(this.#take(QUANTIFIER)) }
  }
}

function quantifiedBy(text = ''): Quantified {
  const [first] = text
  if (first === '*') return { min: 0, max: Infinity }
  if (first === '+') return { min: 1, max: Infinity }
  if (first === '?') return { min: 0, max: 1 }
  const [, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(text) ?? []
  if (least === undefined) return { min: 1, max: 1 }
  return {
    min: Number(least),
    max: comma === '' ? Number(least) : most === '' ? Infinity : Number(most),
  }
}

/** How far a pattern was followed. */
interface State {
  /** The repeated parts that a run of characters, one of a set, may still be shared with. */
  readonly loops: ReadonlySet<bigint>
  /** Whether two repeated parts can share a run, so that whatever fails behind them is tried again. */
  readonly shared: boolean
  readonly quadratic: boolean
}

// Patterns have few; one that was made to have more is quadratic anyway.
const MOST_LOOPS = 64

function follow(parts: readonly Part[], start: State): State {
  return parts.reduce((state, part) => {
    if (part.kind === 'characters') return throughCharacters(part, state)
    if (part.kind === 'group') return throughGroup(part, state)
    return part.isStart
      ? { ...state, loops: new Set() }
      : { ...state, quadratic: state.quadratic || state.shared }
  }, start)
}

function throughCharacters(part: Quantified & { readonly set: bigint }, state: State): State {
  const { set, min, max } = part
  const touched = [...state.loops].filter((loop) => (loop & set) !== 0n)
  const kept = min === 0 ? [...state.loops] : touched.map((loop) => loop & set)
  const repeats = max === Infinity
  return {
    loops: new Set([...kept, ...(repeats ? [set] : [])].slice(0, MOST_LOOPS)),
    shared: state.shared || (repeats && touched.length > 0),
    quadratic: state.quadratic || (state.shared && min > 0),
  }
}

type Group = Quantified & { readonly alternatives: readonly (readonly Part[])[] }

function throughGroup(group: Group, start: State): State {
  const { min, max } = group
  const once = (from: State): State => {
    const ends = group.alternatives.map((parts) => follow(parts, from))
    const skipped = min === 0 ? [from, ...ends] : ends
    return {
      loops: new Set(skipped.flatMap(({ loops }) => [...loops]).slice(0, MOST_LOOPS)),
      shared: skipped.some(({ shared }) => shared),
      quadratic: skipped.some(({ quadratic }) => quadratic),
    }
  }
  if (max <= 1) return once(start)
  const end = once(once(start))
  if (max < Infinity) return end
  // The group is a repeated part itself, also where nothing in it is.
  const shared = [...start.loops].some((loop) => lasts(loop, group))
  return {
    ...end,
    loops: new Set([...end.loops, charactersOf(group)]),
    shared: end.shared || shared,
  }
}

/** Whether a run of characters can go through a group. */
const lasts = (loop: bigint, { alternatives }: Group): boolean =>
  alternatives.some((parts) =>
    parts.every((part) => {
      if (part.min === 0 || part.kind === 'assertion') return true
      return part.kind === 'group' ? lasts(loop, part) : (part.set & loop) !== 0n
    }),
  )

function charactersOf({ alternatives }: Group): bigint {
  return alternatives.flat().reduce((set, part) => {
    if (part.kind === 'assertion') return set
    return set | (part.kind === 'group' ? charactersOf(part) : part.set)
  }, 0n)
}

/** Deepest groups that are followed: each level that is repeated is followed twice. */
const DEEPEST = 8

const depthOf = (pattern: string): number => {
  let depth = 0
  let deepest = 0
  for (const char of pattern) {
    if (char === '(') deepest = Math.max(deepest, ++depth)
    if (char === ')') depth -= 1
  }
  return deepest
}

/**
 * Whether a text that does not match may cost time that grows with the square of its length:
 * `\s+$` is tried from each blank on, and `^a*a*b` for each end of the first run.
 */
export function isQuadratic(pattern: string): boolean {
  if (depthOf(pattern) > DEEPEST) return true
  const starts: State = { loops: new Set([ALL]), shared: false, quadratic: false }
  return new Reader(pattern).alternatives().some((parts) => follow(parts, starts).quadratic)
}
