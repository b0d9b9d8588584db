import type { IncomingMessage } from 'node:http'
import { eachField } from './each-field.js'
import { aboutClient, type ForwardedOption, isAboutClient } from './forwarded.js'
import { HOP_BY_HOP, listedIn } from './hop-by-hop.js'
import { authorityOf } from './target.js'

/** Fields to set, or to remove with `null`, by their names in lower case. */
export type FieldChanges = ReadonlyMap<
  string,
  { readonly name: string; readonly value: string | null }
>

/** What decides about the fields of a request. */
export interface FieldRules {
  readonly host: 'target' | 'client'
  readonly forwarded: ForwardedOption
  readonly trust: boolean
  readonly via: string | false
  readonly changes: FieldChanges
  /** Those that are not sent on, in lower case. */
  readonly left: ReadonlySet<string>
}

/** Those of a request that are for this gateway, for one connection, or are written anew. */
export const LEFT: readonly string[] = [
  ...HOP_BY_HOP,
  'content-length',
  'expect',
  'host',
  'proxy-authorization',
  'trailer',
]

/** The fields that are sent on, names and values in turn: those that came, in their order and spelling. */
export function requestFields(req: IncomingMessage, url: string, rules: FieldRules): string[] {
  const listed = listedIn(req.headers.connection)
  const fields = hostField(req, url, rules)
  const told: Record<string, string> = {}
  eachField(req, (name, value, lower, isOwn) => {
    if (rules.left.has(lower) || lower.startsWith(':')) return
    // What the application has set is not the client's to remove.
    if (!isOwn && listed.size > 0 && listed.has(lower)) return
    if (!isRewritten(lower, rules)) return void fields.push(name, value)
    // Of several lines one list is made.
    if (lower === 'via' || rules.trust)
      told[lower] = told[lower] === undefined ? value : `${told[lower]}, ${value}`
  })
  addOwn(fields, req, rules, told)
  return fields
}

/** Whether a field is not sent on as it came: what is about the client, and `Via` where it is written. */
function isRewritten(lower: string, { forwarded, trust, via }: FieldRules): boolean {
  if (lower === 'via') return via !== false
  return isAboutClient(lower) && !(trust && !isWritten(lower, forwarded))
}

function isWritten(lower: string, forwarded: ForwardedOption): boolean {
  if (lower === 'forwarded') return forwarded === 'forwarded' || forwarded === 'both'
  return WRITTEN.has(lower) && (forwarded === 'x-forwarded' || forwarded === 'both')
}

const WRITTEN: ReadonlySet<string> = new Set([
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
])

/** undici writes the host of the target by itself. */
function hostField(req: IncomingMessage, url: string, { host, changes }: FieldRules): string[] {
  const change = changes.get('host')
  if (change?.value) return ['Host', change.value]
  if (host === 'target' || change) return []
  const given = authorityOf(url) ?? req.headers.host ?? req.headers[':authority']
  return given === undefined ? [] : ['Host', String(given)]
}

/** Adds what this gateway writes itself. */
function addOwn(
  fields: string[],
  req: IncomingMessage,
  { forwarded, via, changes }: FieldRules,
  told: Readonly<Record<string, string>>,
): void {
  const own = aboutClient(req, forwarded, told)
  for (let at = 0; at < own.length; at += 2)
    if (!changes.has((own[at] ?? '').toLowerCase())) fields.push(own[at] ?? '', own[at + 1] ?? '')
  if (via !== false && !changes.has('via'))
    fields.push('Via', `${told['via'] === undefined ? '' : `${told['via']}, `}${viaOf(req, via)}`)
  for (const [lower, { name, value }] of changes)
    if (value !== null && lower !== 'host') fields.push(name, value)
}

/** RFC 9110, section 7.6.3: the version that the message came with. */
const viaOf = ({ httpVersion }: IncomingMessage, pseudonym: string): string =>
  `${httpVersion} ${pseudonym}`
