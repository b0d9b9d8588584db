/** A provider with its key. */
export interface Provider {
  /** Base URL, which ends before `/chat/completions` or `/messages`. */
  readonly url: string
  readonly key: string
}

/** What the environment sets. */
export interface Settings {
  /** Port of the gateway; 0 takes any free one. */
  readonly port: number
  /** Milliseconds of silence in a stream, after which a comment tells that somebody is there. */
  readonly keepAlive?: number
  readonly openai?: Provider
  readonly anthropic?: Provider
}

/** A variable of the environment that cannot be used; the message is one line for the user. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError'
}

type Env = Readonly<Record<string, string | undefined>>

/**
 * Reads `PORT` (default 3000), `KEEP_ALIVE`, `OPENAI_API_KEY`, `OPENAI_BASE_URL`, `ANTHROPIC_API_KEY`
 * and `ANTHROPIC_BASE_URL`. A provider without a key is not used.
 *
 * @throws {SettingsError} when a value cannot be used.
 */
export function readSettings(env: Env): Settings {
  const openai = readProvider(env, 'OPENAI', 'https://api.openai.com/v1')
  const anthropic = readProvider(env, 'ANTHROPIC', 'https://api.anthropic.com')
  const keepAlive = readKeepAlive(env['KEEP_ALIVE'])
  return {
    port: readPort(env['PORT']),
    ...(keepAlive !== undefined && { keepAlive }),
    ...(openai && { openai }),
    // The official SDK leaves the version out of this URL.
    ...(anthropic && {
      anthropic: { ...anthropic, url: anthropic.url.replace(/(?:\/v1)?$/, '/v1') },
    }),
  }
}

function readPort(value = ''): number {
  if (value === '') return 3000
  const port = /^\d{1,5}$/.test(value) ? Number(value) : NaN
  if (port <= 65_535) return port
  throw new SettingsError('PORT cannot be used: set it to a whole number from 0 to 65535.')
}

function readKeepAlive(value = ''): number | undefined {
  if (value === '') return undefined
  if (/^[1-9]\d{0,7}$/.test(value)) return Number(value)
  throw new SettingsError('KEEP_ALIVE cannot be used: set it to a number of milliseconds.')
}

/** The URLs that are set for nothing: a server that needs no key is used with any key. */
export function unusedUrls(env: Env): readonly string[] {
  return ['OPENAI', 'ANTHROPIC']
    .filter((name) => env[`${name}_BASE_URL`] && !env[`${name}_API_KEY`])
    .map((name) => `${name}_BASE_URL`)
}

/** Neither a key nor a URL is shown: one may be in the place of the other. */
function readProvider(env: Env, name: string, otherwise: string): Provider | undefined {
  const key = env[`${name}_API_KEY`] ?? ''
  const url = env[`${name}_BASE_URL`] || otherwise
  if (key === '') return undefined
  if (!/^[\x21-\x7e]+$/.test(key))
    throw new SettingsError(`${name}_API_KEY cannot be used: it has white space in it.`)
  if (!/^https?:\/\/[^\s?#@]+$/i.test(url) || !URL.canParse(url))
    throw new SettingsError(
      `${name}_BASE_URL cannot be used: set it to an absolute URL such as ${otherwise}.`,
    )
  return { key, url: url.replace(/\/+$/, '') }
}
