import { METHODS, validateHeaderName, validateHeaderValue } from 'node:http'
import { isIP } from 'node:net'
import { parseArgs } from 'node:util'
import { nearest } from '../common/nearest.js'
import type { ApiCall, Limits } from '../diagnose/call.js'
import { type Code, codes } from '../errors/codes.js'
import { readBounded } from './files.js'
import { UsageError } from './usage.js'

/** What the command is asked to do. */
export type Asked =
  | { readonly what: 'help' }
  | { readonly what: 'version' }
  | { readonly what: 'explain'; readonly code: Code }
  | { readonly what: 'diagnose'; readonly order: Order }

/** A diagnosis, and how to print it. */
export interface Order {
  readonly call: ApiCall
  readonly limits: Limits
  readonly json: boolean
  readonly schema: string | undefined
  readonly requestSchema: string | undefined
  readonly openapi: string | undefined
}

const OPTIONS = {
  request: { type: 'string', short: 'X' },
  header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
  data: { type: 'string', short: 'd' },
  openapi: { type: 'string' },
  schema: { type: 'string' },
  'request-schema': { type: 'string' },
  timeout: { type: 'string', default: '10' },
  // Node closes after 5 or 6 s, most others sooner, or not within a minute.
  idle: { type: 'string', default: '7' },
  resolver: { type: 'string', multiple: true, default: [] as string[] },
  json: { type: 'boolean', default: false },
  explain: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const

/** Seconds. */
const LONGEST_TIMEOUT = 600
const SHORTEST_TIMEOUT = 0.1

/**
 * Reads the arguments of the command.
 *
 * @throws {UsageError} in one line that names the argument and the fix.
 */
export function readArguments(args: readonly string[]): Asked {
  const { values, positionals } = parse(args)
  if (values.help) return { what: 'help' }
  if (values.version) return { what: 'version' }
  if (values.explain !== undefined) return { what: 'explain', code: codeNamed(values.explain) }
  const [command, address, ...more] = positionals
  if (command !== 'diagnose') throw wrongCommand(command)
  if (address === undefined)
    throw new UsageError('diagnose needs a URL, such as https://api.example.com/v1')
  if (more.length > 0) throw new UsageError(`one URL at a time; ${shown(more[0])} is left over`)
  const call = readCall(address, values)
  const limits: Limits = {
    timeout: seconds('--timeout', values.timeout, SHORTEST_TIMEOUT),
    idle: seconds('--idle', values.idle, 0),
    resolvers: values.resolver.map(checkResolver),
  }
  const { json, schema, openapi, 'request-schema': requestSchema } = values
  return { what: 'diagnose', order: { call, limits, json, schema, requestSchema, openapi } }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // Node says what is wrong in its first sentence.
    const [text = ''] = (error instanceof Error ? error.message : String(error)).split(/\.\s/)
    throw new UsageError(text)
  }
}

type Values = ReturnType<typeof parse>['values']

function wrongCommand(command: string | undefined): UsageError {
  if (command === undefined) return new UsageError('say what to do: good-gateway diagnose URL')
  const hint = /^https?:/.test(command)
    ? 'write "diagnose" before the URL'
    : 'there is only "diagnose"'
  return new UsageError(`unknown command ${shown(command)}; ${hint}`)
}

/** What somebody has typed, and no more of it than is needed: it may hold a password. */
const shown = (text = ''): string =>
  JSON.stringify(
    text
      .replace(/\/\/[^/@]*@/, '//')
      .replace(/\?.*$/s, '?…')
      .slice(0, 80),
  )

function codeNamed(name: string): Code {
  if (Object.hasOwn(codes, name)) return name as Code
  const meant = nearest(name, Object.keys(codes))
  const hint =
    meant === undefined
      ? `the codes are ${Object.keys(codes).join(', ')}`
      : `did you mean ${meant}?`
  throw new UsageError(`there is no code ${shown(name)}; ${hint}`)
}

function readCall(address: string, values: Values): ApiCall {
  const { url, credentials } = readUrl(address)
  const headers = values.header.map(readHeader)
  const has = (name: string): boolean => headers.some(([each]) => each.toLowerCase() === name)
  const body = values.data === undefined ? undefined : bodyOf(values.data)
  if (credentials !== undefined && !has('authorization'))
    headers.push(['Authorization', `Basic ${Buffer.from(credentials).toString('base64')}`])
  if (!has('accept')) headers.push(['Accept', '*/*'])
  if (!has('user-agent')) headers.push(['User-Agent', 'good-gateway-diagnose'])
  if (body !== undefined && !has('content-type')) headers.push(['Content-Type', typeOf(body)])
  return { method: methodOf(values.request, body !== undefined), url, headers, body }
}

function readUrl(address: string): { url: URL; credentials: string | undefined } {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol)) {
    const scheme = /^[a-z][a-z\d+.-]*:\/\//i.test(address)
    const hint = scheme ? 'it must be http: or https:' : 'write it with http:// or https://'
    throw new UsageError(`${shown(address)} is no URL that can be called; ${hint}`)
  }
  const url = new URL(address)
  const { username, password } = url
  const given = username + password !== ''
  url.hash = ''
  url.username = ''
  url.password = ''
  return { url, credentials: given ? `${decode(username)}:${decode(password)}` : undefined }
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What would make another call of it than the one that is described. */
const OWN = new Set(['content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade'])

function readHeader(text: string): [name: string, value: string] {
  const [, name = '', value = ''] = /^([^:]+):\s*(.*)$/s.exec(text) ?? []
  const fix = "write it as -H 'Name: value'"
  try {
    validateHeaderName(name)
    validateHeaderValue(name, value)
  } catch {
    throw new UsageError(
      `the header field ${shown(name || 'without a name')} cannot be sent; ${fix}`,
    )
  }
  if (OWN.has(name.toLowerCase()))
    throw new UsageError(`the header field ${shown(name)} is set by the command; leave it out`)
  return [name, value.trim()]
}

function methodOf(given: string | undefined, hasBody: boolean): string {
  if (given === undefined) return hasBody ? 'POST' : 'GET'
  const method = given.toUpperCase()
  if (METHODS.includes(method) && method !== 'CONNECT') return method
  const meant = nearest(method, METHODS)
  throw new UsageError(
    `the method ${shown(given)} is not known${meant ? `; did you mean ${meant}?` : ''}`,
  )
}

function bodyOf(data: string): Buffer {
  return data.startsWith('@') ? readBounded('-d', data.slice(1)) : Buffer.from(data)
}

/** As curl has it, but for what is JSON by its first character. */
const typeOf = (body: Buffer): string =>
  /^\s*[[{]/.test(body.toString('utf8', 0, 100))
    ? 'application/json'
    : 'application/x-www-form-urlencoded'

function seconds(option: string, text: string, least: number): number {
  const value = /^\d+(?:\.\d+)?$/.test(text) ? Number(text) : NaN
  if (value >= least && value <= LONGEST_TIMEOUT) return Math.round(value * 1000)
  throw new UsageError(`${option} ${shown(text)}: give seconds from ${least} to ${LONGEST_TIMEOUT}`)
}

function checkResolver(text: string): string {
  const [, address = text, port = '53'] = /^\[([^\]]+)\](?::(\d+))?$/.exec(text) ??
    /^([\d.]+):(\d+)$/.exec(text) ?? ['', text]
  if (isIP(address) !== 0 && Number(port) > 0 && Number(port) < 65_536) return text
  throw new UsageError(
    `--resolver ${shown(text)}: give an address, as 127.0.0.1, 127.0.0.1:5353 or [::1]:5353`,
  )
}
