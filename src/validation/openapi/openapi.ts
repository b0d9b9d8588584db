import { GatewayError } from '../../errors/gateway-error.js'
import { type Check, checkedOptions, oneOf } from '../../common/options.js'
import type { Exchange, Step } from '../../exchange/exchange.js'
import type { BodyPlan } from '../body.js'
import { type Checker, compile, type Schema } from '../schema/compile.js'
import { mediaRanges } from '../../content/media-type.js'
import { mistake, readDocument } from './document.js'
import { type Operation, type OperationBody, operationsOf } from './operations.js'
import { type OpenApiRoute, routesOf } from './routes.js'
import { withJsonSchemas } from './schemas.js'
import { CHECKS, type Settings, settingsOf, type ValidateOptions } from '../options.js'
import { type Prepared, validator } from '../validate.js'

/** Options of `routes.fromOpenAPI`: those of `validate` that are left to say, and when to compile. */
export interface OpenApiOptions extends Omit<ValidateOptions, 'schemas' | 'contentType'> {
  /**
   * `mount` finds every mistake at the start; `first-use` compiles an operation when it is first
   * called, for large documents. @default 'mount'
   */
  readonly compile?: 'mount' | 'first-use' | undefined
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
  otherwise: oneOf('pass', 'refuse'),
  encodedSlashes: oneOf('refuse', 'segment'),
  methodOverride: oneOf('refuse', 'pass'),
}

/** What published documents need of ajv: keywords and formats that it does not know are let be. */
const LENIENT = { strict: false, unicodeRegExp: false, logger: false } as const

/**
 * Prepares a route for each operation of a document, which checks its parameters and its body.
 *
 * @throws {TypeError} in one line that names the place in the document and the mend.
 */
export function openApiRoutes(given: unknown, options: OpenApiOptions & Otherwise): OpenApiRoute[] {
  const checked = checkedOptions('routes.fromOpenAPI', options, OPTIONS)
  const { compile: when = 'mount', otherwise = 'pass', ...rest } = checked
  const own = settingsOf(rest)
  const document = readDocument(given)
  const settings: Settings = {
    ...own,
    schemas: [withJsonSchemas(document)],
    ajv: { ...LENIENT, ...own.ajv },
  }
  const steps = operationsOf(document).map((operation) => {
    const make = () => validator(prepare(operation, settings), settings).step
    return { operation, step: when === 'mount' ? make() : lazily(make) }
  })
  if (steps.length === 0) throw mistake('paths', 'there is no operation')
  return routesOf(steps, otherwise)
}

/** A mistake that shows late is the gateway's, and the same for each request. */
function lazily(make: () => Step): Step {
  let step: Step | undefined
  return function validate(exchange: Exchange, next) {
    try {
      step ??= make()
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
    parts.map((part) => [part, { checker: compiled(part, schemas[part] ?? true) }]),
  )
  return { parameters, body: body && planFor(body, (schema) => compiled('body', schema)) }
}

function planFor(body: OperationBody, compiled: (schema: object) => Checker): BodyPlan {
  const types = mediaRanges([...body.content.keys()])
  const plans = types.map((range) => {
    const schema = body.content.get(range.listed)
    return [range, schema && { checker: compiled(schema) }] as const
  })
  return { required: body.required, types, plans: new Map(plans) }
}
