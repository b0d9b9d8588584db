import type { Change, RequestView, ResponseView } from './types.js'
import { writeJson } from '../content/exact-json.js'
import { segmentsOf } from '../content/pointer.js'
import { isJson } from './change.js'
import { withoutStack } from '../errors/gateway-error.js'

/**
 * What happens to the members of a JSON body, in this order. A place is the name of a member at the
 * top, or a JSON Pointer that begins with `/`, such as `/items/0/sku` (RFC 6901).
 */
export interface MembersOptions {
  /** Places whose members are taken off. */
  readonly remove?: readonly string[] | undefined
  /** New names by place; a member that has the new name gives way. */
  readonly rename?: Readonly<Record<string, string>> | undefined
  /** Values of members that are there. */
  readonly replace?: Readonly<Record<string, unknown>> | undefined
  /** Values of members that are not there. */
  readonly add?: Readonly<Record<string, unknown>> | undefined
  /** Values behind those that are there, which become lists; alone, where none is. */
  readonly append?: Readonly<Record<string, unknown>> | undefined
}

type View = RequestView | ResponseView

/** Changes the members of a JSON body: a transformer of requests, and a function for either way. */
export interface Members {
  (view: View): Change | undefined
  /** Of a request. */
  request(view: RequestView): Change | undefined
}

type Owner = Record<string, unknown>
/** Changes one member of an object or a list; false where it stays as it is. */
type Edit = (owner: Owner, name: string) => boolean
type Operation = (value: unknown) => Edit

/** An index of a list (RFC 6901, section 4); its length is no member. */
const INDEX = /^(?:0|[1-9]\d*)$/

const has = (owner: Owner, name: string): boolean =>
  Object.hasOwn(owner, name) && (!Array.isArray(owner) || INDEX.test(name))

function put(owner: Owner, name: string, value: unknown): boolean {
  owner[name] = value
  return true
}

/** A later edit may change what an earlier one has put there, and the next request wants it as it was. */
const copyOf = (value: unknown): unknown => (isOwner(value) ? structuredClone(value) : value)

/** In their order, which is that of Kong. */
const OPERATIONS: Readonly<Record<keyof MembersOptions, Operation>> = {
  remove: () => (owner, name) => {
    if (!has(owner, name)) return false
    if (Array.isArray(owner)) owner.splice(Number(name), 1)
    else delete owner[name]
    return true
  },
  rename: (to) => (owner, name) => {
    if (!has(owner, name) || Array.isArray(owner)) return false
    const { [name]: value } = owner
    delete owner[name]
    return put(owner, String(to), value)
  },
  replace: (value) => (owner, name) => has(owner, name) && put(owner, name, copyOf(value)),
  add: (value) => (owner, name) => {
    if (has(owner, name)) return false
    if (!Array.isArray(owner)) return put(owner, name, copyOf(value))
    return name === '-' && owner.push(copyOf(value)) > 0
  },
  append: (value) => (owner, name) => {
    if (!has(owner, name)) return !Array.isArray(owner) && put(owner, name, copyOf(value))
    return put(owner, name, [owner[name], copyOf(value)].flat(1))
  },
}

/**
 * Makes a transform that removes, renames, replaces, adds and appends members of JSON bodies.
 *
 * It is a transformer of requests, and can be the part `request` or `response` of one. A request whose
 * body is no JSON is 415 `unsupported_media_type`; such a response passes, and so does an empty body.
 *
 * @throws {TypeError} when an option is wrong.
 * @example
 * app.use(transform(members({ rename: { customer: 'customer_id' }, remove: ['/card/cvc'] })))
 * app.use(transform({ response: members({ remove: ['internal'] }) }))
 */
export function members(options: MembersOptions): Members {
  const edits = editsIn(options)
  const change = (view: View): Change | undefined => {
    if (view.bytes.length === 0 || !isReadable(view)) return undefined
    const root = view.json()
    const isChanged = edits.map((edit) => edit(root)).includes(true)
    return isChanged ? { body: root } : undefined
  }
  return Object.assign(change, { request: change })
}

function isReadable(view: View): boolean {
  const type = view.headers['content-type']
  if (isJson(type) || ('method' in view && type === undefined)) return true
  if (!('method' in view)) return false
  throw withoutStack('unsupported_media_type', {
    headers: { Accept: 'application/json, application/*+json' },
  })
}

function editsIn(options: MembersOptions): ((root: unknown) => boolean)[] {
  const given = Object.entries(options ?? {}).filter(([, value]) => value !== undefined)
  const unknown = given.find(([name]) => !Object.hasOwn(OPERATIONS, name))
  if (unknown) throw wrong(`unknown option "${unknown[0]}"; the options are ${NAMES.join(', ')}`)
  if (given.length === 0) throw wrong(`pass one of ${NAMES.join(', ')}`)
  return NAMES.flatMap((name) =>
    placesOf(name, options[name]).map(([place, value]) => editAt(place, OPERATIONS[name](value))),
  )
}

const NAMES = Object.keys(OPERATIONS) as (keyof MembersOptions)[]
const wrong = (fault: string): TypeError => new TypeError(`members: ${fault}`)

type Place = readonly [place: string, value: unknown]

function placesOf(name: keyof MembersOptions, given: unknown): readonly Place[] {
  if (given === undefined) return []
  if (name === 'remove') {
    if (!Array.isArray(given) || given.some((place) => typeof place !== 'string'))
      throw wrong("remove must be a list of places, such as ['card']")
    return given.map((place: string) => [place, undefined] as const)
  }
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw wrong(`${name} must be an object with a value for each place`)
  const places = Object.entries(given)
  if (name === 'rename') places.forEach(([place, to]) => checkNewName(place, to))
  if (name === 'rename') return places
  return places.map(([place, value]) => [place, asJson(name, place, value)] as const)
}

/** The value as JSON has it. */
function asJson(name: string, place: string, value: unknown): unknown {
  try {
    return JSON.parse(writeJson(value))
  } catch {
    throw wrong(`${name} ${JSON.stringify(place)} needs a value that JSON has`)
  }
}

function checkNewName(place: string, to: unknown): void {
  if (typeof to !== 'string' || to === '' || to === '__proto__' || to.startsWith('/'))
    throw wrong(`rename ${JSON.stringify(place)} needs the new name of the member, not a place`)
}

/** An edit at a place; nothing where what leads to it is not there. */
function editAt(place: string, edit: Edit): (root: unknown) => boolean {
  const isPointer = place.startsWith('/')
  const segments = isPointer ? segmentsOf(place) : [place]
  const isBad = place === '' || (isPointer && /~(?![01])/.test(place))
  if (isBad || segments.includes('__proto__'))
    throw wrong(`${JSON.stringify(place)} is no name of a member, nor a JSON Pointer to one`)
  const name = segments.at(-1) ?? ''
  const parents = segments.slice(0, -1)
  return (root) => {
    // A list has no members by name.
    if (!isPointer && Array.isArray(root)) return false
    const owner = parents.reduce(memberOf, root)
    return isOwner(owner) && edit(owner, name)
  }
}

const memberOf = (owner: unknown, name: string): unknown =>
  isOwner(owner) && has(owner, name) ? owner[name] : undefined

const isOwner = (value: unknown): value is Owner => typeof value === 'object' && value !== null
