import { type Document, items, type Located, member, members, mistake } from './document.js'
import { basesOf, hasServers, routeOf, type Segment } from './paths.js'
import { DOCUMENT_ID } from './schemas.js'

/** One operation of a document, as far as requests go. */
export interface Operation {
  /** `METHOD /path` as the document writes it. */
  readonly name: string
  /** Keys for a table of routes, one for each base path. */
  readonly keys: readonly string[]
  /** The segments whose parameters the keys call by other names. */
  readonly segments: ReadonlyMap<string, Segment>
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
  const { route, segments } = routeOf(path, name)
  const bases = [operation.value, item.value, document.root].find(hasServers)?.['servers']
  return {
    name,
    keys: basesOf(bases, name).map((base) => `${method.toUpperCase()} ${base}${route}`),
    segments,
    schemas: parametersOf(document, item, operation),
    body: bodyOf(document, operation),
  }
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
  // An object is spread over names of its own, or written into one value.
  if (mayBeObject(document, schema)) return undefined
  const isList = [schema.value['type']].flat().includes('array')
  if (isList && explode !== (style === 'form')) return undefined
  const ref = { $ref: `${DOCUMENT_ID}#${fragment(`${parameter.pointer}/schema`)}` }
  return parameter.value['allowEmptyValue'] === true ? { anyOf: [ref, { const: '' }] } : ref
}

const COMBINED = ['allOf', 'anyOf', 'oneOf'] as const

function mayBeObject(document: Document, schema: Located, depth = 0): boolean {
  const { value } = schema
  if ([value['type']].flat().includes('object') || 'properties' in value) return true
  const inner = COMBINED.flatMap((name) => items(document, schema, name))
  return depth < MOST_LEVELS && inner.some((each) => mayBeObject(document, each, depth + 1))
}

/** Of schemas that refer to themselves. */
const MOST_LEVELS = 8

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
