import { type Document, items, type Located, member, members, mistake } from './openapi-document.js'
import { DOCUMENT_ID } from './openapi-schemas.js'

/** One operation of a document, as far as requests go. */
export interface Operation {
  /** `METHOD /path` as the document writes it. */
  readonly name: string
  /** Keys for a table of routes, one for each base path. */
  readonly keys: readonly string[]
  /** Names of the path parameters by those that the keys use. */
  readonly params: ReadonlyMap<string, string>
  /** A schema for each part that has parameters. */
  readonly schemas: Readonly<Partial<Record<'params' | 'query' | 'headers' | 'cookies', object>>>
  readonly body: OperationBody | undefined
}

/** The request body of an operation. */
export interface OperationBody {
  readonly required: boolean
  /** Schemas by media range; undefined for what has none. */
  readonly content: ReadonlyMap<string, object | undefined>
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const

/** Finds all operations of a document. */
export function operationsOf(document: Document): Operation[] {
  const root: Located = { value: document.root, pointer: '' }
  return members(document, root, 'paths').flatMap(([path, item]) => {
    if (!path.startsWith('/')) throw mistake(`paths.${path}`, 'must start with "/"')
    return METHODS.flatMap((method) => {
      const operation = member(document, item, method)
      if (operation === undefined) return []
      return [describe(document, { path, method, item, operation })]
    })
  })
}

interface Place {
  readonly path: string
  readonly method: string
  readonly item: Located
  readonly operation: Located
}

function describe(document: Document, { path, method, item, operation }: Place): Operation {
  const name = `${method.toUpperCase()} ${path}`
  const { route, params } = routeOf(path, name)
  const bases = [operation.value, item.value, document.root].find(hasServers)?.['servers']
  return {
    name,
    keys: basesOf(bases, name).map((base) => `${method.toUpperCase()} ${base}${route}`),
    params,
    schemas: parametersOf(document, item, operation),
    body: bodyOf(document, operation),
  }
}

/** A whole segment that is a parameter. */
const PARAMETER = /^\{([^{}]+)\}$/
/** What a key of `routes` would take for more than text. */
const SPECIAL = /[:*?#\\(){}[\]]/g

function routeOf(path: string, name: string) {
  const params = new Map<string, string>()
  const segments = path.split('/').map((segment) => {
    const parameter = PARAMETER.exec(segment)?.[1]
    if (parameter === undefined) return literal(segment, name)
    const key = /^[a-z_$][\w$]*$/i.test(parameter) ? parameter : `p${params.size}_`
    params.set(key, parameter)
    return `:${key}`
  })
  return { route: segments.join('/'), params }
}

function literal(segment: string, name: string): string {
  if (segment.includes('{'))
    throw mistake(name, `the segment "${segment}" mixes text and a parameter; guard it by hand`)
  return segment.replace(SPECIAL, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
}

const hasServers = ({ servers }: Readonly<Record<string, unknown>>): boolean =>
  Array.isArray(servers) && servers.length > 0

// A document has few of them; more would be a mistake in the variables.
const MOST_BASES = 100

function basesOf(servers: unknown, name: string): string[] {
  const list: unknown[] = Array.isArray(servers) ? servers : [{ url: '/' }]
  const bases = list.flatMap((server) => basesOfServer(server, name))
  if (bases.length > MOST_BASES) throw mistake(name, `its servers have over ${MOST_BASES} paths`)
  return [...new Set(bases)]
}

interface Server {
  readonly url: string
  readonly variables?: Readonly<Record<string, { default?: unknown; enum?: readonly unknown[] }>>
}

const isServer = (value: unknown): value is Server =>
  typeof value === 'object' && value !== null && 'url' in value && typeof value.url === 'string'

/** The paths of one server: one for each value that a variable in its path may have. */
function basesOfServer(server: unknown, name: string): string[] {
  if (!isServer(server)) throw mistake(name, 'each of its servers needs a url')
  let urls = [server.url]
  for (const [variable, { default: value = '', enum: values = [value] }] of Object.entries(
    server.variables ?? {},
  ))
    urls = urls
      .flatMap((url) => values.map((text) => url.replaceAll(`{${variable}}`, String(text))))
      .slice(0, MOST_BASES + 1)
  return urls.map((url) => pathOf(url, name))
}

/** The path of an absolute or relative URL, as the start of a key. */
function pathOf(url: string, name: string): string {
  const path = url.replace(/^(?:[a-z][a-z0-9+.-]*:)?\/\/[^/?#]*/i, '').replace(/[?#].*$/, '')
  const segments = path.split('/').filter((segment) => segment !== '')
  return segments.map((segment) => `/${literal(segment, name)}`).join('')
}

const PARTS = { path: 'params', query: 'query', header: 'headers', cookie: 'cookies' } as const
const DEFAULT_STYLES = { path: 'simple', query: 'form', header: 'simple', cookie: 'form' } as const
type Where = keyof typeof PARTS
/** Described elsewhere in a document (OpenAPI 3.1, section 4.8.12.2). */
const IGNORED_HEADERS = new Set(['accept', 'content-type', 'authorization'])

const isWhere = (value: unknown): value is Where => Object.hasOwn(PARTS, String(value))

/** The parameters of the path and of the operation, which win, as one schema for each part. */
function parametersOf(document: Document, item: Located, operation: Located) {
  const found = new Map<string, Located>()
  for (const level of [item, operation])
    for (const parameter of items(document, level, 'parameters')) {
      const { in: where, name } = parameter.value
      if (!isWhere(where) || typeof name !== 'string')
        throw mistake(
          parameter.pointer,
          'a parameter needs a name, and "in" path, query, header or cookie',
        )
      found.set(`${where} ${where === 'header' ? name.toLowerCase() : name}`, parameter)
    }
  const schemas: Partial<Record<(typeof PARTS)[Where], object>> = {}
  for (const where of Object.keys(PARTS).filter(isWhere)) {
    const here = [...found.values()].filter(({ value }) => value['in'] === where)
    if (here.length > 0) schemas[PARTS[where]] = schemaOf(document, where, here)
  }
  return schemas
}

function schemaOf(document: Document, where: Where, parameters: readonly Located[]): object {
  const properties: Record<string, object> = Object.create(null)
  const required: string[] = []
  for (const parameter of parameters) {
    const { value } = parameter
    const name = where === 'header' ? String(value['name']).toLowerCase() : String(value['name'])
    if (where === 'header' && IGNORED_HEADERS.has(name)) continue
    const schema = checked(document, where, parameter)
    properties[name] = schema ?? {}
    // Without its own name on the wire, its presence cannot be told.
    if (value['required'] === true && (schema || value['content'])) required.push(name)
  }
  return { type: 'object', properties: { ...properties }, required }
}

/** A reference to the schema of a parameter; undefined where its style is not the default one. */
function checked(document: Document, where: Where, parameter: Located): object | undefined {
  const { style = DEFAULT_STYLES[where], explode = style === 'form' } = parameter.value
  const schema = member(document, parameter, 'schema')
  if (schema === undefined || style !== DEFAULT_STYLES[where]) return undefined
  const types = [schema.value['type']].flat()
  const isList = types.includes('array')
  // An object is spread over names of its own, or written into one value.
  if (types.includes('object') || 'properties' in schema.value) return undefined
  if (isList && explode !== (style === 'form')) return undefined
  const ref = { $ref: `${DOCUMENT_ID}#${fragment(`${parameter.pointer}/schema`)}` }
  return parameter.value['allowEmptyValue'] === true ? { anyOf: [ref, { const: '' }] } : ref
}

const fragment = (pointer: string): string => encodeURI(pointer).replaceAll('#', '%23')

function bodyOf(document: Document, operation: Located): OperationBody | undefined {
  const body = member(document, operation, 'requestBody')
  if (body === undefined) return undefined
  const content = members(document, body, 'content').map(([range, type]) => {
    const schema = type.value['schema']
    const ref = { $ref: `${DOCUMENT_ID}#${fragment(`${type.pointer}/schema`)}` }
    return [range, schema === undefined ? undefined : ref] as const
  })
  if (content.length === 0) return undefined
  return { required: body.value['required'] === true, content: new Map(content) }
}
