/** Where a text is not acceptable JSON, and why; the reason shows no value of the text. */
export interface Fault {
  /** Index of the character. */
  readonly at: number
  readonly reason: string
}

const QUOTE = 0x22
const PLUS = 0x2b
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const COLON = 0x3a
const OPEN_ARRAY = 0x5b
const BACKSLASH = 0x5c
const CLOSE_ARRAY = 0x5d
const LETTER_U = 0x75
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const BOM = 0xfeff

// A longer name is cut: it may be as long as the text.
const LONGEST_SHOWN = 64
const LITERALS = ['true', 'false', 'null']
const SIMPLE_ESCAPES = new Set(Array.from('"\\/bfnrt', (char) => char.charCodeAt(0)))
// The largest double has 309 digits before the point.
const LONGEST_FINITE = 308

/**
 * Finds the first thing that makes a text unacceptable as JSON; undefined when there is none.
 *
 * One pass without recursion over the grammar of RFC 8259. It also refuses what parsers read in
 * different ways: a byte order mark, duplicate names (after their escapes are resolved), the name
 * `__proto__`, numbers beyond the range of a double, and more than `maxDepth` levels of nesting.
 * What has one meaning passes: escaped NUL, lone surrogate escapes, integers of any length, scalars.
 */
export function findFault(text: string, maxDepth: number): Fault | undefined {
  const scanner = new Scanner(text, maxDepth)
  scanner.run()
  return scanner.fault
}

const shown = (name: string): string =>
  JSON.stringify(name.length > LONGEST_SHOWN ? `${name.slice(0, LONGEST_SHOWN - 1)}…` : name)

class Scanner {
  fault: Fault | undefined
  private at = 0
  /** The open containers, outermost first: the names seen in an object, null for an array. */
  private readonly open: (Set<string> | null)[] = []
  private readonly text: string
  private readonly maxDepth: number

  constructor(text: string, maxDepth: number) {
    this.text = text
    this.maxDepth = maxDepth
  }

  run(): void {
    if (this.text.charCodeAt(0) === BOM) this.fail('a byte order mark')
    while (this.fault === undefined && (this.opensMore() || this.goesOn()));
    if (this.fault === undefined && this.at < this.text.length) this.fail('text after the value')
  }

  /** The first fault counts; everything unwinds from it because no reader goes on at the end. */
  private fail(reason: string, at = this.at): false {
    this.fault ??= { at: Math.min(at, this.text.length), reason }
    this.at = this.text.length
    return false
  }

  private code(): number {
    return this.text.charCodeAt(this.at)
  }

  private skipSpace(): number {
    let code = this.code()
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.at += 1
      code = this.code()
    }
    return code
  }

  /** Reads a value; true when it is a container with something inside, which must be read next. */
  private opensMore(): boolean {
    const code = this.skipSpace()
    if (code === OPEN_OBJECT) return this.enter(new Set(), CLOSE_OBJECT) && this.name()
    if (code === OPEN_ARRAY) return this.enter(null, CLOSE_ARRAY)
    if (code === QUOTE) this.string()
    else if (code === MINUS || (code >= ZERO && code <= NINE)) this.number()
    else this.literal()
    return false
  }

  /** Enters a container; false when it is empty, and so already left. */
  private enter(names: Set<string> | null, close: number): boolean {
    if (this.open.length >= this.maxDepth)
      return this.fail(`nested deeper than ${this.maxDepth} levels`)
    this.at += 1
    if (this.skipSpace() === close) {
      this.at += 1
      return false
    }
    this.open.push(names)
    return true
  }

  /** Reads what follows a value; true when another value must come. */
  private goesOn(): boolean {
    for (;;) {
      const names = this.open.at(-1)
      if (names === undefined) return (void this.skipSpace(), false)
      const code = this.skipSpace()
      if (code === COMMA) {
        this.at += 1
        return names === null || this.name()
      }
      if (code !== (names === null ? CLOSE_ARRAY : CLOSE_OBJECT))
        return this.fail(
          `a comma or the end of the ${names === null ? 'array' : 'object'} expected`,
        )
      this.at += 1
      this.open.pop()
    }
  }

  /** Reads the name of a member and its colon. */
  private name(): boolean {
    if (this.skipSpace() !== QUOTE) return this.fail('a member name in double quotes expected')
    const start = this.at
    const escaped = this.string()
    if (this.fault !== undefined) return false
    const name = escaped
      ? String(JSON.parse(this.text.slice(start, this.at)))
      : this.text.slice(start + 1, this.at - 1)
    if (name === '__proto__') return this.fail('the member name __proto__', start)
    const names = this.open.at(-1)
    if (names?.has(name)) return this.fail(`a second member named ${shown(name)}`, start)
    names?.add(name)
    if (this.skipSpace() !== COLON) return this.fail('a colon expected')
    this.at += 1
    return true
  }

  /** Reads a string; true when it has escapes. */
  private string(): boolean {
    const { text } = this
    let escaped = false
    let at = this.at + 1
    for (; at < text.length; at += 1) {
      const code = text.charCodeAt(at)
      if (code === QUOTE) {
        this.at = at + 1
        return escaped
      }
      if (code < 0x20) return this.fail('a control character in a string', at)
      if (code === BACKSLASH) {
        escaped = true
        const length = this.escape(at + 1)
        if (length === 0) return this.fail('an invalid escape', at)
        at += length
      }
    }
    return this.fail('a string without an end', at)
  }

  /** Characters of an escape after its backslash, 0 when it is not valid. */
  private escape(at: number): number {
    const code = this.text.charCodeAt(at)
    if (SIMPLE_ESCAPES.has(code)) return 1
    return code === LETTER_U && /^[\da-f]{4}$/i.test(this.text.slice(at + 1, at + 5)) ? 5 : 0
  }

  private number(): void {
    const start = this.at
    if (this.code() === MINUS) this.at += 1
    if (this.code() === ZERO) this.at += 1
    else this.digits()
    const simple = this.at
    if (this.code() === DOT) {
      this.at += 1
      this.digits()
    }
    if ((this.code() | 0x20) === 0x65) this.exponent()
    if (this.at === simple && simple - start <= LONGEST_FINITE) return
    if (!Number.isFinite(Number(this.text.slice(start, this.at))))
      this.fail('a number beyond the range of a double', start)
  }

  private exponent(): void {
    this.at += 1
    const sign = this.code()
    if (sign === PLUS || sign === MINUS) this.at += 1
    this.digits()
  }

  private digits(): void {
    const start = this.at
    let code = this.code()
    while (code >= ZERO && code <= NINE) {
      this.at += 1
      code = this.code()
    }
    if (this.at === start) this.fail('a digit expected')
  }

  private literal(): void {
    const literal = LITERALS.find((word) => this.text.startsWith(word, this.at))
    if (literal === undefined) this.fail('a value expected')
    else this.at += literal.length
  }
}
