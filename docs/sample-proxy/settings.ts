/** What the environment sets. */
export interface Settings {
  /** Port of the proxy; 0 takes any free one. */
  readonly port: number
  /** Base URL of a real upstream, which then stands behind the proxy instead of the embedded one. */
  readonly upstreamUrl?: string
  /** What forwards. */
  readonly engine: Engine
}

/** http-proxy, as it is found in many gateways, or the proxy of the package. */
export type Engine = 'http-proxy' | 'forward'

/** A variable of the environment that cannot be used; the message is one line for the user. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

const DEFAULT_PORT = 3000
const MAX_SHOWN = 80

/**
 * Reads the settings from `PORT` (default 3000), `UPSTREAM_URL` and `ENGINE` (default http-proxy); an
 * empty variable is an unset one.
 *
 * @throws {SettingsError} when a value cannot be used.
 */
export function readSettings(env: NodeJS.ProcessEnv): Settings {
  const port = readPort(env['PORT'])
  const upstreamUrl = readUpstreamUrl(env['UPSTREAM_URL'], port)
  const engine = readEngine(env['ENGINE'])
  return { port, engine, ...(upstreamUrl !== undefined && { upstreamUrl }) }
}

/** What `ENGINE` asks for. */
export function readEngine(value: string | undefined): Engine {
  if (value === undefined || value === '') return 'http-proxy'
  if (value === 'http-proxy' || value === 'forward') return value
  throw refusal('ENGINE', value, 'set it to http-proxy or forward')
}

function readPort(value: string | undefined): number {
  if (value === undefined || value === '') return DEFAULT_PORT
  const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN
  if (port <= 65_535) return port
  throw refusal('PORT', value, 'set it to a whole number from 0 (any free port) to 65535')
}

function readUpstreamUrl(value: string | undefined, port: number): string | undefined {
  if (value === undefined || value === '') return undefined
  const fix = fixFor(value, port)
  if (fix === undefined) return new URL(value).href
  throw refusal('UPSTREAM_URL', value, fix)
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '0.0.0.0'])

// From what is wrong first to what is wrong last, so that the message asks for one fix at a time.
function fixFor(value: string, port: number): string | undefined {
  // The URL parser accepts "http:host" and white space without an error; here they are typing errors.
  if (!/^https?:\/\/\S+$/i.test(value) || !URL.canParse(value))
    return 'set it to an absolute http or https URL, such as http://127.0.0.1:8080'
  const url = new URL(value)
  if (url.username !== '' || url.password !== '') return 'leave out the user name and password'
  if (/[?#]/.test(value)) return 'leave out the query and the fragment'
  if (LOOPBACK.has(url.hostname) && url.port === String(port))
    return 'this is the address of the proxy itself; set it to that of an upstream'
  return undefined
}

function refusal(variable: string, value: string, fix: string): SettingsError {
  return new SettingsError(`${variable}=${shown(value)} cannot be used: ${fix}.`)
}

// A password must not reach the log, nor a line break, nor a page of text.
function shown(value: string): string {
  const safe = value.replace(/^([a-z]+:\/\/)?.*@/is, '$1***@')
  return JSON.stringify(safe.length > MAX_SHOWN ? `${safe.slice(0, MAX_SHOWN)}…` : safe)
}
