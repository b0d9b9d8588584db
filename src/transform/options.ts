import { nearest } from '../common/nearest.js'
import { checkedOptions } from '../common/options.js'
import { size, sizeOf } from '../common/size.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Transform, Transformer } from './types.js'

/** Options of `transform`. */
export interface TransformOptions {
  /** Most bytes of a request, before and after it is decoded; a number, or text such as '1mb'. @defaultValue `'1mb'` */
  readonly limit?: string | number | undefined
  /** Most bytes of a response, before and after it is decoded, and of one event of a stream. @defaultValue `'1mb'` */
  readonly responseLimit?: string | number | undefined
}

/** Checked options with their defaults. */
export interface Settings {
  readonly limit: number
  readonly responseLimit: number
}

const DEFAULTS = { limit: '1mb', responseLimit: '1mb' } as const

/**
 * Checks the options of `transform` and fills in the defaults.
 *
 * @throws {TypeError} in one line that names the option and the fix.
 */
export function settingsOf(options: TransformOptions): Settings {
  const checks = { limit: size, responseLimit: size }
  const given = { ...DEFAULTS, ...checkedOptions('transform', options, checks) }
  return { limit: sizeOf(given.limit), responseLimit: sizeOf(given.responseLimit) }
}

const PARTS = ['request', 'response', 'events'] as const
const isPart = (name: string): boolean => PARTS.some((part) => part === name)

/**
 * Checks what `transform` is given.
 *
 * @throws {TypeError} that names what is wrong and the fix.
 */
export function checkTransform(transform: unknown): asserts transform is Transform {
  if (typeof transform !== 'function') checkTransformer(transform)
}

/**
 * Checks a transformer.
 *
 * @throws {TypeError} that names what is wrong and the fix.
 */
function checkTransformer(value: unknown): asserts value is Transformer {
  const given: object =
    (typeof value === 'object' || typeof value === 'function') && value !== null ? value : {}
  const parts = PARTS.map((name) => Reflect.get(given, name) as unknown)
  const wrong = parts.findIndex((part) => part !== undefined && typeof part !== 'function')
  if (wrong !== -1) throw new TypeError(`transform: "${PARTS[wrong]}" must be a function`)
  for (const name of Object.keys(given))
    if (!isPart(name) && typeof Reflect.get(given, name) === 'function') checkName(name)
  if (parts.every((part) => part === undefined))
    throw new TypeError(
      'transform: pass { request, response, events }, one of them at least, or a function that gives it for each request',
    )
}

/** A function besides is its own, such as `usage` of the translators, unless it looks mistyped. */
function checkName(name: string): void {
  const meant = nearest(name, PARTS)
  if (meant !== undefined)
    throw new TypeError(`transform: unknown part "${name}"; did you mean "${meant}"?`)
}

/** Whether a value is a transform. */
export function isTransform(value: unknown): value is Transform {
  try {
    checkTransform(value)
    return true
  } catch {
    return false
  }
}

/**
 * The transformer of a request; undefined where there is none for it.
 *
 * @throws {TypeError} when the function of the user gives something else.
 */
export function transformerFor(transform: Transform, exchange: Exchange): Transformer | undefined {
  if (!isChosen(transform)) return transform
  const given: unknown = transform(exchange)
  if (given === undefined || given === null) return undefined
  checkTransformer(given)
  return given
}

/** Whether a transform is chosen for each request: what has parts, `members` for one, is a transformer. */
const isChosen = (transform: Transform): transform is Exclude<Transform, Transformer> =>
  typeof transform === 'function' && !PARTS.some((name) => name in transform)
