import { type Document, items, type Located, member, membersAt, mistake } from './document.js'
import { kindsOf } from './kinds.js'
import { DOCUMENT_ID } from './schemas.js'
import type { Spelt } from './spelling.js'
import { STYLES } from './styles.js'

/** The parameters of one part of a request: a schema for all of them, and how they are written. */
export interface OperationPart {
  readonly schema: object
  readonly spelt: readonly Spelt[]
}

const PARTS = { path: 'params', query: 'query', header: 'headers', cookie: 'cookies' } as const
type Where = keyof typeof PARTS

/** The parts of a request that have parameters. */
export type OperationParts = Readonly<Partial<Record<(typeof PARTS)[Where], OperationPart>>>

/** Described elsewhere in a document (OpenAPI 3.1, section 4.8.12.2). */
const IGNORED_HEADERS = new Set(['accept', 'content-type', 'authorization'])

const isWhere = (value: unknown): value is Where => Object.hasOwn(PARTS, String(value))

/** The parameters of the path and of the operation, which win, by the part that they are in. */
export function partsOf(document: Document, item: Located, operation: Located): OperationParts {
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
  const parts: Partial<Record<(typeof PARTS)[Where], OperationPart>> = {}
  for (const where of Object.keys(PARTS).filter(isWhere)) {
    const here = [...found.values()].filter(({ value }) => value['in'] === where)
    if (here.length > 0) parts[PARTS[where]] = partOf(document, where, here)
  }
  return parts
}

function partOf(document: Document, where: Where, parameters: readonly Located[]): OperationPart {
  const described = parameters
    .map((parameter) => describe(document, where, parameter))
    .filter(({ spelt }) => where !== 'header' || !IGNORED_HEADERS.has(spelt.name))
  const properties = described.map(({ spelt, schema }) => [spelt.name, schema] as const)
  const required = described.filter(({ spelt }) => spelt.required).map(({ spelt }) => spelt.name)
  return {
    schema: { type: 'object', properties: Object.fromEntries(properties), required },
    spelt: described.map(({ spelt }) => spelt),
  }
}

interface Described {
  readonly spelt: Spelt
  readonly schema: object
}

function describe(document: Document, where: Where, parameter: Located): Described {
  const { value, pointer } = parameter
  const style = String(value['style'] ?? STYLES[where][0])
  if (!STYLES[where].some((known) => known === style))
    throw mistake(
      `${pointer}/style`,
      `"${style}" is no style of a parameter in ${where}; use ${STYLES[where].join(', ')}`,
    )
  const media = membersAt(document, parameter, 'content')[0]
  const holder = media?.[1] ?? parameter
  const given = member(document, holder, 'schema')
  const name = String(value['name'])
  return {
    schema: schemaOf(holder, given, value['allowEmptyValue'] === true),
    spelt: {
      name: where === 'header' ? name.toLowerCase() : name,
      style,
      // An object in deepObject is always spread; the field says nothing there.
      explode: value['explode'] === undefined ? style === 'form' : value['explode'] === true,
      kinds: kindsOf(document, given),
      json: media !== undefined && /[/+]json\s*(?:;|$)/i.test(media[0]),
      required: value['required'] === true,
    },
  }
}

function schemaOf({ pointer }: Located, given: Located | undefined, mayBeEmpty: boolean): object {
  if (given === undefined) return {}
  const ref = referenceTo(`${pointer}/schema`)
  return mayBeEmpty ? { anyOf: [ref, { const: '' }] } : ref
}

/** A reference to a place in the converted document. */
export const referenceTo = (pointer: string): object => ({
  $ref: `${DOCUMENT_ID}#${encodeURI(pointer).replaceAll('#', '%23')}`,
})

/** How the fields of a form are written (OpenAPI 3.1, section 4.8.15). */
export function fieldsOf(document: Document, type: Located): Spelt[] {
  const encodings = new Map(membersAt(document, type, 'encoding'))
  const { members: fields } = kindsOf(document, member(document, type, 'schema'))
  return [...fields].map(([name, schema]) => {
    const { style, explode, contentType } = encodings.get(name)?.value ?? {}
    const kinds = kindsOf(document, schema)
    const isStyled = style !== undefined || explode !== undefined
    const written = String(style ?? 'form')
    return {
      name,
      style: written,
      // An object that no style spreads is one field of JSON.
      explode: isStyled ? (explode ?? written === 'form') === true : true,
      kinds: isStyled || !kinds.object ? kinds : { ...kinds, scalar: true },
      json: typeof contentType === 'string' && !isStyled && /[/+]json$/i.test(contentType),
      required: false,
    }
  })
}
