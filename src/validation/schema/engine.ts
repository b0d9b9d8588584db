import type { AjvOptions } from './compiler.js'

type Engine = NonNullable<NonNullable<AjvOptions['code']>['regExp']>

/**
 * The engine for patterns of published documents: those of Unicode, as `\p{L}` needs; what is none of
 * these is taken as older engines do.
 */
export const lenientEngine: Engine = Object.assign(
  (pattern: string): RegExp => {
    try {
      return new RegExp(pattern, 'u')
    } catch {
      return new RegExp(pattern)
    }
  },
  { code: 'new RegExp' },
)

const known = new WeakMap<object, AjvOptions>()

/**
 * The options with an engine whose patterns have names of their own.
 *
 * ajv takes two compiled patterns for one when their texts are the same, and an object of an engine
 * without `toString` has the text of all objects: the second pattern would never be asked.
 */
export function withOwnNames(ajv: AjvOptions | undefined): AjvOptions | undefined {
  const engine = ajv?.code?.regExp
  if (ajv === undefined || engine === undefined) return ajv
  const before = known.get(ajv)
  if (before !== undefined) return before
  const named = (pattern: string, flags: string) => {
    const compiled = engine(pattern, flags)
    return {
      test: (text: string) => compiled.test(text),
      toString: () => `${JSON.stringify(pattern)} ${flags}`,
    }
  }
  const regExp = Object.assign(named, { code: engine.code })
  const options = { ...ajv, code: { ...ajv.code, regExp } }
  known.set(ajv, options)
  return options
}
