import type { Part } from './part.js'

/** Most names that are told, and most characters of one. */
const MOST = 20
const LONGEST = 64

/** The members of a request that were left out, for the field `X-Transform-Ignored`. */
export class Ignored {
  readonly #names = new Set<string>()

  /** Notes a member by its place, without the numbers of lists: `messages.content.cache_control`. */
  add(member: Part): void {
    this.note(nameOf(member))
  }

  /** Notes something that is no member of its own; the name is a fixed one. */
  note(name: string): void {
    if (this.#names.size < MOST) this.#names.add(name)
  }

  /** The field of the response; none where nothing was left out. */
  get fields(): Readonly<Record<string, string>> {
    return this.#names.size === 0 ? {} : { 'X-Transform-Ignored': [...this.#names].join(', ') }
  }
}

/** The client chooses the names: what is no plain word is not written into a field. */
function nameOf(member: Part): string {
  const name = member.place.filter((key) => typeof key === 'string').join('.')
  return name.length <= LONGEST && /^[\w.-]+$/.test(name) ? name : 'others'
}
