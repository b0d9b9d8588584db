import { jsonRanges } from '../content/media-type.js'
import { GatewayError, withoutStack } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { type BodyPlan, checkBody, type CheckedBody } from './body.js'
import { checkPart } from './parameters.js'
import type { PartPlan } from './pairs.js'
import { compile, type Schema } from './schema/compile.js'
import type { Issues } from './issues/issues.js'
import { type Settings, settingsOf, type ValidateOptions } from './options.js'
import type { ParameterPart } from './parts.js'
import { report } from './report.js'
import { type ResponseGuard, responseGuard, type ResponseSchemas } from './response.js'

/** Schemas by the part of the request that they check. */
export interface Schemas {
  /** The JSON body, as it is: never coerced. A body is then required, but for GET, HEAD, DELETE and OPTIONS. */
  readonly body?: Schema | undefined
  /** The query string; a repeated name is a list. */
  readonly query?: Schema | undefined
  /** The path parameters that the router found. */
  readonly params?: Schema | undefined
  /** The header fields, by their names in lower case. */
  readonly headers?: Schema | undefined
  readonly cookies?: Schema | undefined
  /** The JSON bodies of responses, by status: `200`, `'2xx'`, `default`. */
  readonly response?: ResponseSchemas | undefined
}

type Values = Readonly<Record<string, unknown>>

/** The parts of a request that were checked: the body parsed, the others coerced. */
export interface Parts {
  readonly body?: unknown
  readonly query?: Values
  readonly params?: Values
  readonly headers?: Values
  readonly cookies?: Values
}

/** A mounted validation. */
export interface Validation {
  /** Checks one request, and throws before `next` where it does not match. */
  readonly step: Step
  /**
   * The checked parts of a request.
   *
   * @throws {TypeError} when this validation has not let the request pass.
   */
  valid(exchange: Exchange | undefined): Parts
}

// In the order in which they are checked.
const PARAMETERS = ['params', 'query', 'headers', 'cookies'] as const

/**
 * Checks requests against JSON Schemas, which are compiled here, once.
 *
 * The step throws `GatewayError`s: `request_invalid`, `request_malformed`, `content_too_large`,
 * `unsupported_media_type`, `unsupported_content_encoding`, `request_timeout`, and
 * `client_closed_request` when the client left while its body was awaited.
 *
 * @throws {TypeError} for a wrong schema or option, in one line that names it and the fix.
 */
export function validateStep(schemas: Schemas, options: ValidateOptions = {}): Validation {
  const settings = settingsOf(options)
  const prepared = prepare(schemas ?? {}, settings)
  const { step, valid } = validator(prepared, settings)
  return { step: Object.assign(step, { checksBody: prepared.body !== undefined }), valid }
}

/** What was compiled for one route. */
export interface Prepared {
  readonly parameters: Readonly<Partial<Record<ParameterPart, PartPlan>>>
  readonly body?: BodyPlan | undefined
  readonly guard?: ResponseGuard | undefined
}

/** Checks requests with what was compiled before. */
export function validator(
  { parameters, body, guard }: Prepared,
  settings: Settings,
  by: object = {},
): Validation {
  const checksParameters = Object.keys(parameters).length > 0

  const step: Step = function validate(exchange, next) {
    const { parts, error: wrongPart } = checksParameters
      ? parametersOf(exchange, parameters, settings)
      : { parts: {} }
    const misfit = wrongPart && refusalOf(exchange, wrongPart, settings)
    // To throw costs several times as much, and many requests may be refused at once.
    if (misfit) return Promise.reject(misfit)
    exchange.valid = { by, parts, before: exchange.valid }
    const goOn = () => (guard ? guard(exchange, next) : next())
    if (body === undefined) return goOn()
    const judge = ({ value, issues, error }: CheckedBody): GatewayError | undefined => {
      const wrong = error ?? (issues && invalid([issues], settings.maxErrors))
      const refused = wrong && refusalOf(exchange, wrong, settings)
      if (refused === undefined) parts.body = value
      return refused
    }
    const checked = checkBody(exchange, body, settings)
    if (checked instanceof Promise)
      return checked.then((late) => {
        const refused = judge(late)
        if (refused) throw refused
        return goOn()
      })
    const refused = judge(checked)
    return refused ? Promise.reject(refused) : goOn()
  }

  return { step, valid: (exchange) => partsOf(exchange, by, 'this validate() has not') }
}

/** The parts of a request that passed, found by what they were checked by. */
export function partsOf(exchange: Exchange | undefined, by: object, called: string): Parts {
  let passed = exchange?.valid
  while (passed && passed.by !== by) passed = passed.before
  if (passed) return passed.parts
  throw new TypeError(`valid(): ${called} let the request pass; mount it before.`)
}

/** What a request is refused with; undefined where it is only reported. */
function refusalOf(
  exchange: Exchange,
  error: GatewayError,
  { mode }: Settings,
): GatewayError | undefined {
  if (mode === 'enforce' || error.code === 'client_closed_request') return error
  report(exchange, error)
  return undefined
}

type RequestPart = 'body' | ParameterPart
function prepare({ response, ...schemas }: Schemas, settings: Settings): Prepared {
  const plans: { [part in RequestPart]?: PartPlan } = {}
  for (const [name, schema] of Object.entries(schemas)) {
    const part = partNamed(name)
    if (schema === undefined) continue
    checkLowerCase(part, schema)
    plans[part] = { checker: compile(part, schema, settings) }
  }
  const guard = response === undefined ? undefined : responseGuard(response, settings)
  const { body, ...parameters } = plans
  if (guard || Object.keys(plans).length > 0)
    return { parameters, guard, body: body && planFor(body, settings) }
  throw new TypeError('validate: no schema given; pass for example { body: schema }.')
}

function planFor(plan: PartPlan, { contentType }: Settings): BodyPlan {
  const types = jsonRanges(contentType)
  return { required: true, types, plans: new Map(types.map((type) => [type, plan])) }
}

function partNamed(name: string): RequestPart {
  const part = name === 'body' ? name : PARAMETERS.find((known) => known === name)
  if (part !== undefined) return part
  throw new TypeError(
    `validate: ${JSON.stringify(name)}: no such part; the parts are body, ${PARAMETERS.join(', ')}, response.`,
  )
}

/** Node gives header names in lower case, so others would never be found. */
function checkLowerCase(part: string, schema: unknown): void {
  if (part !== 'headers' || typeof schema !== 'object' || schema === null) return
  const { properties = {}, required = [] } = schema as { properties?: object; required?: string[] }
  const name = [...Object.keys(properties), ...required].find((item) => item !== item.toLowerCase())
  if (name !== undefined)
    throw new TypeError(`validate: headers: write ${JSON.stringify(name)} in lower case.`)
}

interface Parameters {
  /** The body comes to them later; a copy of them with one member more takes much longer on Node 20. */
  readonly parts: { -readonly [part in RequestPart]?: Parts[part] }
  readonly error?: GatewayError | undefined
}

function parametersOf(
  exchange: Exchange,
  plans: Prepared['parameters'],
  settings: Settings,
): Parameters {
  const parts: Parameters['parts'] = {}
  const found: Issues[] = []
  for (const part of PARAMETERS) {
    const plan = plans[part]
    if (plan === undefined) continue
    const checked = checkPart(exchange, part, plan, settings)
    if (GatewayError.is(checked)) return { parts, error: checked }
    parts[part] = checked.value
    if (checked.issues) found.push(checked.issues)
  }
  return { parts, error: found.length > 0 ? invalid(found, settings.maxErrors) : undefined }
}

function invalid(found: readonly Issues[], maxErrors: number): GatewayError {
  const errors = found.flatMap((issues) => issues.errors)
  const truncated = errors.length > maxErrors || found.some((issues) => issues.truncated)
  return withoutStack('request_invalid', {
    errors: errors.slice(0, maxErrors),
    ...(truncated && { errorsTruncated: true }),
  })
}
