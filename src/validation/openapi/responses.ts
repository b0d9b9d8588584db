import { mediaRanges } from '../../content/media-type.js'
import type { Issue } from '../../errors/gateway-error.js'
import type { Checker, Schema } from '../schema/compile.js'
import type { PartPlan } from '../pairs.js'
import type { ResponsePlan, ResponsePlans } from '../response.js'
import { type Document, type Located, member, membersAt, mistake } from './document.js'
import { kindsOf } from './kinds.js'
import { contentOf } from './operations.js'
import { referenceTo } from './parameters.js'
import { spellingOf } from './spelling.js'

type Compiled = (part: Issue['in'], schema: Schema, title: string) => Checker

const STATUS = /^(?:[1-5]\d\d|[1-5]xx|default)$/i

/** What the responses of an operation must be, by status. */
export function responsesOf(
  document: Document,
  operation: Located,
  compiled: Compiled,
): ResponsePlans {
  const plans = membersAt(document, operation, 'responses').map(([status, response]) => {
    if (!STATUS.test(status))
      throw mistake(response.pointer, `"${status}" is no status; use "200", "2XX" or "default"`)
    return [status.toLowerCase(), planFor(document, response, status, compiled)] as const
  })
  return new Map(plans)
}

function planFor(
  document: Document,
  response: Located,
  status: string,
  compiled: Compiled,
): ResponsePlan {
  const content = contentOf(document, response)
  const types = mediaRanges([...content.keys()])
  const checkers = types.map((range) => {
    const schema = content.get(range.listed)?.schema
    return [range, schema && compiled('response', schema, `response ${status}`)] as const
  })
  const title = `the headers of response ${status}`
  return {
    types,
    checkers: new Map(checkers),
    headers: headersOf(document, response, (schema) => compiled('headers', schema, title)),
  }
}

/** A response's fields are written as parameters in headers are (OpenAPI 3.1, section 4.8.21). */
function headersOf(
  document: Document,
  response: Located,
  compiled: (schema: Schema) => Checker,
): PartPlan | undefined {
  const headers = membersAt(document, response, 'headers')
    .map(([name, header]) => [name.toLowerCase(), header] as const)
    .filter(([name]) => name !== 'content-type')
  if (headers.length === 0) return undefined
  const properties = headers.map(([name, { value, pointer }]) => {
    return [name, value['schema'] === undefined ? {} : referenceTo(`${pointer}/schema`)] as const
  })
  const required = headers
    .filter(([, { value }]) => value['required'] === true)
    .map(([name]) => name)
  const spelt = headers.map(([name, header]) => ({
    name,
    style: 'simple',
    explode: header.value['explode'] === true,
    kinds: kindsOf(document, member(document, header, 'schema')),
    json: header.value['content'] !== undefined,
    required: false,
  }))
  const schema = { type: 'object', properties: Object.fromEntries(properties), required }
  return { checker: compiled(schema), spelling: spellingOf('headers', spelt) }
}
