import { GatewayError, type Issue } from '../../errors/gateway-error.js'
import { bool, type Check, checkedOptions, oneOf } from '../../common/options.js'
import type { Exchange } from '../../exchange/exchange.js'
import type { Step } from '../../exchange/step.js'
import type { BodyPlan } from '../body.js'
import { type Checker, compile, type Schema } from '../schema/compile.js'
import { lenientEngine } from '../schema/engine.js'
import { mediaRanges } from '../../content/media-type.js'
import { type Document, mistake, readDocument } from './document.js'
import type { Side } from './hidden.js'
import { type Operation, type OperationBody, operationsOf } from './operations.js'
import { responsesOf } from './responses.js'
import { type OpenApiRoute, routesOf } from './routes.js'
import { withJsonSchemas } from './schemas.js'
import { spellingOf } from './spelling.js'
import { CHECKS, type Settings, settingsOf, type ValidateOptions } from '../options.js'
import { guardBy } from '../response.js'
import { type Parts, type Prepared, type Validation, partsOf, validator } from '../validate.js'

/** Options of `routes.fromOpenAPI`: those of `validate` that are left to say, and when to compile. */
export interface OpenApiOptions extends Omit<ValidateOptions, 'schemas' | 'contentType'> {
  /**
   * `mount` finds every mistake at the start; `first-use` compiles an operation when it is first
   * called, for large documents. @defaultValue `'mount'`
   */
  readonly compile?: 'mount' | 'first-use' | undefined
  /**
   * Whether the responses are checked as well: their status, type, header fields and body.
   * @defaultValue `false`
   */
  readonly responses?: boolean | undefined
}

/** What happens to a request that the document does not describe. */
interface Otherwise {
  readonly otherwise?: 'pass' | 'refuse' | undefined
  readonly encodedSlashes?: 'refuse' | 'segment' | undefined
  readonly methodOverride?: 'refuse' | 'pass' | undefined
}

const { schemas: _schemas, contentType: _contentType, ...validateChecks } = CHECKS
const OPTIONS: Record<keyof (OpenApiOptions & Otherwise), Check> = {
  ...validateChecks,
  compile: oneOf('mount', 'first-use'),
  responses: bool,
  otherwise: oneOf('pass', 'refuse'),
  encodedSlashes: oneOf('refuse', 'segment'),
  methodOverride: oneOf('refuse', 'pass'),
}

/** What published documents need of ajv: keywords and formats that it does not know are let be. */
const LENIENT = { strict: false, code: { regExp: lenientEngine }, logger: false } as const

/** The routes of a document, and what they have let pass. */
export interface OpenApi {
  readonly routes: readonly OpenApiRoute[]
  /** Whether segments of its paths begin with `;`. */
  readonly matrix: boolean
  /**
   * The checked parts of a request.
   *
   * @throws {TypeError} when no operation of the document has let it pass.
   */
  valid(exchange: Exchange | undefined): Parts
}

/**
 * Prepares a route for each operation of a document, which checks its parameters and its body.
 *
 * @throws {TypeError} in one line that names the place in the document and the fix.
 */
export function openApiRoutes(given: unknown, options: OpenApiOptions & Otherwise): OpenApi {
  const checked = checkedOptions('routes.fromOpenAPI', options, OPTIONS)
  const { compile: when = 'mount', otherwise = 'pass', responses = false, ...rest } = checked
  const { encodedSlashes: _slashes, methodOverride: _override, ...own } = rest
  const document = readDocument(given)
  const scene: Scene = { document, ...settingsFor(document, settingsOf(own), responses) }
  // What they have let pass is found again by the document that they belong to.
  const by = {}
  const operations = operationsOf(document)
  if (operations.length === 0) throw mistake('paths', 'there is no operation')
  const steps = operations.map((operation) => {
    const make = () => validator(prepare(operation, scene), scene.settings, by)
    const known = when === 'mount' ? make() : undefined
    return { operation, step: stepFor(operation, known ? () => known : lazily(make)) }
  })
  return {
    routes: routesOf(steps, otherwise),
    matrix: operations.some(({ parts }) =>
      parts.params?.spelt.some(({ style }) => style === 'matrix'),
    ),
    valid: (exchange) => partsOf(exchange, by, 'no operation of this document has'),
  }
}

/** What all operations of a document share. */
interface Scene {
  readonly document: Document
  readonly settings: Settings
  /** Those for responses; undefined where they are not checked. */
  readonly forResponses: Settings | undefined
}

function settingsFor(
  document: Document,
  own: Settings,
  responses: boolean,
): Omit<Scene, 'document'> {
  const ajv = { ...LENIENT, ...own.ajv }
  const side = (name: Side): Settings => ({
    ...own,
    schemas: [withJsonSchemas(document, name)],
    ajv,
  })
  return { settings: side('request'), forResponses: responses ? side('response') : undefined }
}

/** Checks a request as its operation describes it. */
function stepFor({ template, operationId }: Operation, validation: () => Validation): Step {
  return function validate(exchange, next) {
    exchange.route = template
    exchange.operationId = operationId
    return validation().step(exchange, next)
  }
}

/** A mistake that shows late is the gateway's, and the same for each request. */
function lazily(make: () => Validation): () => Validation {
  let made: Validation | undefined
  return () => {
    try {
      return (made ??= make())
    } catch (cause) {
      throw new GatewayError('gateway_misconfigured', { cause })
    }
  }
}

function prepare({ name, parts, body, at }: Operation, scene: Scene): Prepared {
  const { settings, forResponses, document } = scene
  const compiled: Compiled = (part, schema, { title = part, from = settings } = {}) => {
    try {
      return compile(part, schema, from, title)
    } catch (error) {
      throw mistake(
        name,
        String(error instanceof Error ? error.message : error).replace('validate: ', ''),
      )
    }
  }
  const names = (['params', 'query', 'headers', 'cookies'] as const).filter((part) => parts[part])
  const plans = names.map((part) => {
    const { schema = true, spelt = [] } = parts[part] ?? {}
    return [part, { checker: compiled(part, schema), spelling: spellingOf(part, spelt) }] as const
  })
  return {
    parameters: Object.fromEntries(plans),
    body: body && planFor(body, compiled),
    guard:
      forResponses &&
      guardBy(
        responsesOf(document, at, (part, schema, title) =>
          compiled(part, schema, { title, from: forResponses }),
        ),
        forResponses,
      ),
  }
}

type Compiled = (
  part: Issue['in'],
  schema: Schema,
  more?: { readonly title?: string; readonly from?: Settings },
) => Checker

function planFor(body: OperationBody, compiled: Compiled): BodyPlan {
  const types = mediaRanges([...body.content.keys()])
  const plans = types.map((range) => {
    const content = body.content.get(range.listed)
    if (content === undefined) return [range, undefined] as const
    const spelling = spellingOf('body', content.fields)
    return [range, { checker: compiled('body', content.schema), spelling }] as const
  })
  return { required: body.required, types, plans: new Map(plans) }
}
