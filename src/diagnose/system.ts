import { open } from 'node:fs/promises'

/** What the system knows of names beside its DNS servers. */
export interface SystemNames {
  /** The lines of the hosts file that have the name: their addresses. */
  readonly hosts: readonly string[]
  /** Domains that are tried behind a short name. */
  readonly search: readonly string[]
  /** Fewest dots of a name that is tried as it is before the search domains. */
  readonly ndots: number
}

const HOSTS =
  process.platform === 'win32'
    ? `${process.env['SystemRoot'] ?? 'C:\\Windows'}\\System32\\drivers\\etc\\hosts`
    : '/etc/hosts'
const MOST_BYTES = 1_048_576
/** As resolv.conf(5) bounds them. */
const MOST_DOMAINS = 6
const MOST_DOTS = 15

/** Reads the hosts file and resolv.conf, as far as they are there. */
export async function systemNames(host: string): Promise<SystemNames> {
  const [hosts, resolv] = await Promise.all([linesOf(HOSTS), linesOf('/etc/resolv.conf')])
  const name = host.toLowerCase()
  return {
    hosts: hosts.flatMap(([address = '', ...names]) =>
      names.some((each) => each.toLowerCase() === name) ? [address] : [],
    ),
    search: domainsIn(resolv),
    ndots: dotsIn(resolv),
  }
}

/** The words of each line, without comments. */
async function linesOf(path: string): Promise<string[][]> {
  const text = await head(path)
  return text
    .split('\n')
    .map((line) =>
      line
        .replace(/[#;].*/, '')
        .trim()
        .split(/\s+/),
    )
    .filter(([first]) => first !== '')
}

async function head(path: string): Promise<string> {
  try {
    const file = await open(path)
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await file.close()
    }
  } catch {
    return ''
  }
}

/** The last line of the two keywords counts. */
function domainsIn(lines: readonly string[][]): string[] {
  const line = lines.findLast(([keyword]) => keyword === 'search' || keyword === 'domain')
  return line?.slice(1, MOST_DOMAINS + 1).filter((domain) => domain !== '.') ?? []
}

function dotsIn(lines: readonly string[][]): number {
  const options = lines.filter(([keyword]) => keyword === 'options').flat()
  const [, dots] =
    /^ndots:(\d+)$/.exec(options.findLast((each) => each.startsWith('ndots:')) ?? '') ?? []
  return dots === undefined ? 1 : Math.min(Number(dots), MOST_DOTS)
}

/** The names that the system asks DNS servers for, in its order. */
export function candidatesOf(host: string, { search, ndots }: SystemNames): string[] {
  if (host.endsWith('.')) return [host]
  const inside = search.map((domain) => `${host}.${domain.replace(/^\./, '')}`)
  return host.split('.').length > ndots ? [host, ...inside] : [...inside, host]
}

type Environment = Readonly<Record<string, string | undefined>>

/** The proxy that the environment names for a URL, and whether the URL is excepted. */
export interface EnvironmentProxy {
  /** The variable that names it. */
  readonly variable: string
  /** Scheme, host and port: user and password are left out. */
  readonly proxy: string
  /** Whether `NO_PROXY` has the host. */
  readonly excepted: boolean
}

/** Finds the proxy that curl, Python and others take from the environment. */
export function proxyIn(env: Environment, url: URL): EnvironmentProxy | undefined {
  const scheme = url.protocol.slice(0, -1)
  const names = [`${scheme}_proxy`, `${scheme.toUpperCase()}_PROXY`, 'all_proxy', 'ALL_PROXY']
  const variable = names.find((name) => (env[name] ?? '') !== '')
  if (variable === undefined) return undefined
  const value = (env[variable] ?? '').replace(/^(?:[a-z][\w+.-]*:\/\/)?[^/]*@/i, '')
  const proxy = value.replace(/^[a-z][\w+.-]*:\/\//i, '').replace(/[/?#].*$/, '')
  return { variable, proxy, excepted: isExcepted(env['no_proxy'] ?? env['NO_PROXY'] ?? '', url) }
}

function isExcepted(list: string, { hostname, port }: URL): boolean {
  const entries = list.toLowerCase().split(/[\s,]+/)
  return entries.some((entry) => {
    const [, name = '', only] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? []
    if (entry === '*') return true
    if (name === '' || (only !== undefined && only !== port)) return false
    return hostname === name || hostname.endsWith(`.${name}`)
  })
}
