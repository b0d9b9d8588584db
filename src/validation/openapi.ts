import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange, Step } from '../exchange/exchange.js'
import type { BodyPlan } from './body.js'
import { type Checker, compile, type Schema } from './compile.js'
import { bySpecificity } from './content-type.js'
import { mistake, readDocument } from './openapi-document.js'
import { type Operation, type OperationBody, operationsOf } from './openapi-operations.js'
import { withJsonSchemas } from './openapi-schemas.js'
import { type Settings, settingsOf, type ValidateOptions } from './options.js'
import { type Prepared, validator } from './validate.js'

/** Options of `routes.fromOpenAPI`: those of `validate` that are left to say, and when to compile. */
export interface OpenApiOptions extends Omit<ValidateOptions, 'schemas' | 'contentType'> {
  /**
   * `mount` finds every mistake at the start; `first-use` compiles an operation when it is first
   * called, for large documents. @default 'mount'
   */
  readonly compile?: 'mount' | 'first-use' | undefined
}

/** One route of a document. */
export interface OpenApiRoute {
  readonly key: string
  readonly step: Step
}

/** What published documents need of ajv: keywords and formats that it does not know are let be. */
const LENIENT = { strict: false, unicodeRegExp: false, logger: false } as const

/**
 * Prepares a route for each operation of a document, which checks its parameters and its body.
 *
 * @throws {TypeError} in one line that names the place in the document and the mend.
 */
export function openApiRoutes(given: unknown, options: OpenApiOptions = {}): OpenApiRoute[] {
  const { compile: when = 'mount', ...rest } = options
  if (when !== 'mount' && when !== 'first-use')
    throw mistake('options', 'compile must be "mount" or "first-use"')
  const own = settingsOf(rest)
  const document = readDocument(given)
  const settings: Settings = {
    ...own,
    schemas: [withJsonSchemas(document)],
    ajv: { ...LENIENT, ...own.ajv },
  }
  const steps = operationsOf(document).map((operation) => ({
    operation,
    step: when === 'mount' ? stepFor(operation, settings) : lazily(operation, settings),
  }))
  if (steps.length === 0) throw mistake('paths', 'there is no operation')
  return steps.flatMap(({ operation, step }) => operation.keys.map((key) => ({ key, step })))
}

function stepFor(operation: Operation, settings: Settings): Step {
  const { step } = validator(prepare(operation, settings), settings)
  const renamed = [...operation.params].filter(([key, name]) => key !== name)
  if (renamed.length === 0) return step
  return function validate(exchange, next) {
    exchange.params = Object.fromEntries(
      Object.entries(exchange.params).map(([key, value]) => [
        operation.params.get(key) ?? key,
        value,
      ]),
    )
    return step(exchange, next)
  }
}

/** A mistake that shows late is the gateway's, and the same for each request. */
function lazily(operation: Operation, settings: Settings): Step {
  let step: Step | undefined
  return function validate(exchange: Exchange, next) {
    try {
      step ??= stepFor(operation, settings)
    } catch (cause) {
      throw new GatewayError('gateway_misconfigured', { cause })
    }
    return step(exchange, next)
  }
}

function prepare({ name, schemas, body }: Operation, settings: Settings): Prepared {
  const compiled = (part: Parameters<typeof compile>[0], schema: Schema): Checker => {
    try {
      return compile(part, schema, settings)
    } catch (error) {
      throw mistake(
        name,
        String(error instanceof Error ? error.message : error).replace('validate: ', ''),
      )
    }
  }
  const parts = Object.keys(schemas) as (keyof typeof schemas)[]
  const parameters = Object.fromEntries(
    parts.map((part) => [part, compiled(part, schemas[part] ?? true)]),
  )
  return { parameters, body: body && planFor(body, (schema) => compiled('body', schema)) }
}

function planFor(body: OperationBody, compiled: (schema: object) => Checker): BodyPlan {
  const entries = [...body.content].map(
    ([range, schema]) => [mediaType(range), schema && compiled(schema)] as const,
  )
  const checkers = new Map(entries)
  return { required: body.required, types: [...checkers.keys()].toSorted(bySpecificity), checkers }
}

/** A key of `content` without its parameters, which say nothing about the schema. */
const mediaType = (range: string): string => (range.split(';')[0] ?? '').trim().toLowerCase()
