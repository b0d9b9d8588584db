import { collect } from '../content/pairs.js'
import type { ApiCall } from '../diagnose/call.js'
import type { Contract, JsonAnswer } from '../diagnose/payload.js'
import {
  type Document,
  type Located,
  member,
  membersAt,
  readDocument,
} from '../validation/openapi/document.js'
import { type Operation, operationsOf } from '../validation/openapi/operations.js'
import { DOCUMENT_ID, withJsonSchemas } from '../validation/openapi/schemas.js'
import { checkPairs } from '../validation/pairs.js'
import { spellingOf } from '../validation/openapi/spelling.js'
import { splitters } from '../validation/parts.js'
import { compile } from '../validation/schema/compile.js'
import { bodyIssues, cookiesOf, headersOf, issuesIn, inWords, SETTINGS } from './issues.js'

/** An operation with the parameters that a path gives it. */
interface Match {
  readonly operation: Operation
  readonly params: Readonly<Record<string, string>>
}

/**
 * What an OpenAPI document says of requests and responses.
 *
 * @throws {TypeError} when it is none, naming the place.
 */
export function describedBy(text: string): Contract {
  const document = readDocument(text)
  const operations = operationsOf(document)
  const side = (name: 'request' | 'response') => ({
    ...SETTINGS,
    schemas: [withJsonSchemas(document, name)],
  })
  const [asked, answered] = [side('request'), side('response')]
  return {
    request: (call) => {
      const match = find(operations, call)
      if (match === undefined)
        return [`the document does not describe ${call.method} ${call.url.pathname}`]
      return [...parameterIssues(match, call, asked), ...bodyOf(match, call, asked)]
    },
    response: (call, answer) => {
      const match = find(operations, call)
      const schema = match && responseSchema(document, match.operation, answer)
      return schema && issuesIn(compile('response', schema, answered), answer.value)
    },
  }
}

type Settings = Parameters<typeof compile>[2]

/** Of several operations that fit, the one with the fewest parameters. */
function find(operations: readonly Operation[], { method, url }: ApiCall): Match | undefined {
  const found = operations.flatMap((operation) =>
    operation.keys.flatMap((key) => {
      const params = paramsIn(key, method, url.pathname)
      return params === undefined ? [] : [{ operation, params }]
    }),
  )
  const count = ({ params }: Match): number => Object.keys(params).length
  return found.toSorted((a, b) => count(a) - count(b))[0]
}

function paramsIn(key: string, method: string, path: string): Record<string, string> | undefined {
  const [asked, pattern = ''] = key.split(' ')
  const texts = segmentsOf(pattern)
  const given = segmentsOf(path)
  if (asked !== method || texts.length !== given.length) return undefined
  const pairs = texts.map((text, index) => [text, given[index] ?? ''] as const)
  const fits = pairs.every(([text, value]) =>
    text.startsWith(':') ? value !== '' : text === value,
  )
  if (!fits) return undefined
  return Object.fromEntries(
    pairs.flatMap(([text, value]) => (text.startsWith(':') ? [[text.slice(1), value]] : [])),
  )
}

const segmentsOf = (path: string): string[] => path.replace(/\/$/, '').split('/').map(decode)

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function parameterIssues(
  { operation, params }: Match,
  call: ApiCall,
  settings: Settings,
): string[] {
  const { parts, segments } = operation
  const raw = {
    // Parameters that share a segment are not taken apart here.
    params: segments.size > 0 ? undefined : collect(Object.entries(params)),
    query: collect(call.url.searchParams),
    headers: headersOf(call),
    cookies: cookiesOf(call),
  }
  return (['params', 'query', 'headers', 'cookies'] as const).flatMap((part) => {
    const [described, values] = [parts[part], raw[part]]
    if (described === undefined || values === undefined) return []
    const plan = {
      checker: compile(part, described.schema, settings),
      spelling: spellingOf(part, described.spelt),
    }
    const rules = { in: part, names: undefined, split: splitters[part] }
    return checkPairs(values, plan, rules).issues?.errors.map(inWords) ?? []
  })
}

const mediaType = (type: string): string => (type.split(';')[0] ?? '').trim().toLowerCase()

/** The value for a media type in a map of ranges: itself, then all of its kind, then all. */
function byType<T>(content: readonly (readonly [range: string, value: T])[], type: string) {
  const [kind = ''] = type.split('/')
  const ranges = [type, `${kind}/*`, '*/*']
  return ranges
    .map((range) => content.find(([each]) => mediaType(each) === range))
    .find((found) => found !== undefined)
}

function bodyOf({ operation }: Match, call: ApiCall, settings: Settings): string[] {
  const { body } = operation
  if (body === undefined) return []
  if (call.body === undefined) return body.required ? ['body # is missing'] : []
  const type = mediaType(headersOf(call).get('content-type')?.toString() ?? '')
  const found = byType([...body.content], type)
  const types = [...body.content.keys()].join(', ')
  if (found === undefined) return [`headers content-type must be ${types}`]
  const [, content] = found
  if (content === undefined || !/[/+]json$/.test(type)) return []
  return bodyIssues(compile('body', content.schema, settings), call)
}

/** A reference to the schema of a response; undefined where the document has none for it. */
function responseSchema(
  document: Document,
  { name }: Operation,
  { status, type }: JsonAnswer,
): object | undefined {
  const [method = '', path = ''] = name.split(' ')
  const root: Located = { value: document.root, pointer: '' }
  const operation = [['paths'], [path], [method.toLowerCase()]]
    .flat()
    .reduce<Located | undefined>((at, key) => at && member(document, at, key), root)
  const responses = operation ? membersAt(document, operation, 'responses') : []
  const wanted = [String(status), `${Math.trunc(status / 100)}xx`, 'default']
  const response = wanted
    .map((key) => responses.find(([each]) => each.toLowerCase() === key)?.[1])
    .find((found) => found !== undefined)
  const found = response && byType(membersAt(document, response, 'content'), type)
  if (found?.[1].value['schema'] === undefined) return undefined
  const pointer = encodeURI(`${found[1].pointer}/schema`).replaceAll('#', '%23')
  return { $ref: `${DOCUMENT_ID}#${pointer}` }
}
