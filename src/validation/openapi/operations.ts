import { type Document, type Located, member, membersAt, mistake } from './document.js'
import { fieldsOf, type OperationParts, partsOf, referenceTo } from './parameters.js'
import { basesOf, hasServers, routeOf, type Segment } from './paths.js'
import type { Spelt } from './spelling.js'

/** One operation of a document, as far as requests go. */
export interface Operation {
  /** `METHOD /path` as the document writes it. */
  readonly name: string
  /** Keys for a table of routes, one for each base path. */
  readonly keys: readonly string[]
  /** The segments whose parameters the keys call by other names. */
  readonly segments: ReadonlyMap<string, Segment>
  /** The path as the document writes it. */
  readonly template: string
  readonly operationId: string | undefined
  readonly parts: OperationParts
  readonly body: OperationBody | undefined
  /** The object of the document. */
  readonly at: Located
}

/** The schema of a media type. */
export interface Content {
  readonly schema: object
  /** How the fields of a form are written. */
  readonly fields: readonly Spelt[]
}

/** The request body of an operation. */
export interface OperationBody {
  readonly required: boolean
  /** Schemas by media range; undefined for what has none. */
  readonly content: ReadonlyMap<string, Content | undefined>
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'] as const

/** Finds all operations of a document. */
export function operationsOf(document: Document): Operation[] {
  const root: Located = { value: document.root, pointer: '' }
  return membersAt(document, root, 'paths').flatMap(([path, item]) => {
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
  const { operationId } = operation.value
  const bases = [operation.value, item.value, document.root].find(hasServers)?.['servers']
  return {
    name,
    keys: basesOf(bases, name).map((base) => `${method.toUpperCase()} ${base}${route}`),
    segments,
    template: path,
    operationId: typeof operationId === 'string' ? operationId : undefined,
    parts: partsOf(document, item, operation),
    body: bodyOf(document, operation),
    at: operation,
  }
}

function bodyOf(document: Document, operation: Located): OperationBody | undefined {
  const body = member(document, operation, 'requestBody')
  if (body === undefined) return undefined
  const content = contentOf(document, body)
  if (content.size === 0) return undefined
  return { required: body.value['required'] === true, content }
}

/** The media types of a body or a response, with their schemas. */
export function contentOf(
  document: Document,
  body: Located,
): ReadonlyMap<string, Content | undefined> {
  const content = membersAt(document, body, 'content').map(([range, type]) => {
    const described =
      type.value['schema'] === undefined
        ? undefined
        : {
            schema: referenceTo(`${type.pointer}/schema`),
            fields: isForm(range) ? fieldsOf(document, type) : [],
          }
    return [range, described] as const
  })
  return new Map(content)
}

const isForm = (range: string): boolean =>
  /^application\/(?:x-www-form-urlencoded|\*)|^\*/i.test(range)
