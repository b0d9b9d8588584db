import { ExactNumber } from '../../content/exact-json.js'
import { fragmentOf } from '../../content/pointer.js'
import { type GatewayError, type Issue, withoutStack } from '../../errors/gateway-error.js'

/** Whose JSON it is, and so whose fault it is when it is not as it must be. */
type Side = 'body' | 'response'

/** One value in JSON that was written by a client or a provider. It knows its place, for the error. */
export class Part {
  readonly value: unknown
  readonly #side: Side
  readonly #parent: Part | undefined
  readonly #key: string | number

  private constructor(value: unknown, side: Side, parent?: Part, key: string | number = '') {
    this.value = value
    this.#side = side
    this.#parent = parent
    this.#key = key
  }

  /** The body of a request; what is wrong in it is `request_invalid`. */
  static ofRequest(value: unknown): Part {
    return new Part(value, 'body')
  }

  /** The body of a response or the data of an event; what is wrong is `upstream_response_invalid`. */
  static ofResponse(value: unknown): Part {
    return new Part(value, 'response')
  }

  /** Both APIs take `null` for a member that is not there. */
  get isAbsent(): boolean {
    return this.value === undefined || this.value === null
  }

  /** Names and numbers from the root to this value. */
  get place(): (string | number)[] {
    return this.#parent === undefined ? [] : [...this.#parent.place, this.#key]
  }

  /** The member of an object; its value is undefined where there is none. */
  get(name: string): Part {
    const object = this.#object()
    return new Part(Object.hasOwn(object, name) ? object[name] : undefined, this.#side, this, name)
  }

  /** The members of an object that are there. */
  members(): Part[] {
    const object = this.#object()
    const members = Object.keys(object).map(
      (name) => new Part(object[name], this.#side, this, name),
    )
    return members.filter(({ isAbsent }) => !isAbsent)
  }

  /** The name of a member in its object. */
  get name(): string {
    return String(this.#key)
  }

  /** The items of a list. */
  items(): Part[] {
    if (!Array.isArray(this.value)) return this.wrong('a list')
    return this.value.map((item, at) => new Part(item, this.#side, this, at))
  }

  get isText(): boolean {
    return typeof this.value === 'string'
  }

  text(): string {
    return typeof this.value === 'string' ? this.value : this.wrong('a string')
  }

  /** A text, or undefined where there is none. */
  textIfAny(): string | undefined {
    return this.isAbsent ? undefined : this.text()
  }

  /** A text that is not empty. */
  word(): string {
    return this.text() === '' ? this.wrong('a string that is not empty') : this.text()
  }

  flag(): boolean {
    return typeof this.value === 'boolean' ? this.value : this.wrong('true or false')
  }

  number(): number {
    const { value } = this
    if (value instanceof ExactNumber) return value.valueOf()
    return typeof value === 'number' ? value : this.wrong('a number')
  }

  /** A whole number from 1. */
  count(): number {
    const { value } = this
    return Number.isSafeInteger(value) && Number(value) > 0
      ? Number(value)
      : this.wrong('a whole number from 1')
  }

  /** An object as it is, to be sent on. */
  object(): Record<string, unknown> {
    return this.#object()
  }

  /** Refuses a value that is not what its API documents. */
  wrong(expected: string): never {
    throw this.#error(
      this.#side === 'body' ? 'request_invalid' : 'upstream_response_invalid',
      this.value === undefined ? 'required' : 'type',
      `must be ${expected}`,
    )
  }

  /** Refuses what the API of the other side cannot say. */
  unsupported(detail: string): never {
    throw this.#error('request_unsupported', 'unsupported', detail)
  }

  #object(): Record<string, unknown> {
    return isRecord(this.value) ? this.value : this.wrong('an object')
  }

  #error(
    code: 'request_invalid' | 'request_unsupported' | 'upstream_response_invalid',
    keyword: string,
    detail: string,
  ): GatewayError {
    const pointer = fragmentOf(this.place.map(String))
    const issue: Issue = { in: this.#side, pointer, code: keyword, detail }
    return withoutStack(code, { errors: [issue] })
  }
}

/** Whether a value of JSON is an object. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  return !Array.isArray(value) && !(value instanceof ExactNumber)
}
