import { draft07 } from '#ajv'
import type { Ajv, KeywordCxt } from 'ajv'

/** Keywords whose cost grows with the text. */
const COSTLY = ['pattern', 'format'] as const

/**
 * Lets `maxLength` stand before `pattern` and `format` where all errors are to be found, too: there,
 * ajv checks each keyword, also behind one that has failed.
 */
export function shieldPatterns(ajv: Ajv): void {
  const { _ } = draft07()
  for (const keyword of COSTLY) {
    const known = ajv.getKeyword(keyword)
    if (typeof known !== 'object' || !('code' in known) || known.code === undefined) continue
    const { code, ...definition } = known
    ajv.removeKeyword(keyword)
    ajv.addKeyword({
      ...definition,
      keyword,
      code: (cxt: KeywordCxt, ruleType?: string) => {
        const most: unknown = cxt.parentSchema['maxLength']
        if (typeof most !== 'number') return code(cxt, ruleType)
        // A character has at most two units, so what is longer is over the bound for certain.
        cxt.gen.if(_`typeof ${cxt.data} !== "string" || ${cxt.data}.length <= ${2 * most}`, () =>
          code(cxt, ruleType),
        )
      },
    })
  }
}
