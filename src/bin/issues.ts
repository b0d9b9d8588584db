import { collect, type Raw } from '../content/pairs.js'
import { type ApiCall, fieldOf } from '../diagnose/call.js'
import type { Issue } from '../errors/gateway-error.js'
import { settingsOf } from '../validation/options.js'
import type { Checker } from '../validation/schema/compile.js'

/** Published schemas have keywords and formats that ajv does not know. */
export const SETTINGS = settingsOf({
  maxErrors: 20,
  ajv: { strict: false, unicodeRegExp: false, logger: false },
})

/** What a checker finds in a value, in words. */
export function issuesIn(checker: Checker, value: unknown): string[] {
  const errors = checker.check(value)
  if (errors === undefined) return []
  return checker.explain(errors, value).errors.map(inWords)
}

/** An issue in words: `body #/items/0/qty must be >= 1`. */
export const inWords = ({ in: part, pointer, name, detail }: Issue): string =>
  `${part} ${pointer ?? name ?? ''} ${detail}`

/** What a checker finds in the body of a call; that there is none, or no JSON, is one finding, too. */
export function bodyIssues(checker: Checker, { body }: ApiCall): string[] {
  if (body === undefined) return ['body # is missing']
  try {
    return issuesIn(checker, JSON.parse(body.toString()))
  } catch {
    return ['body # is no JSON']
  }
}

/** The header fields of a call by their names in lower case. */
export const headersOf = ({ headers }: ApiCall): Map<string, Raw> =>
  collect(headers.map(([name, value]): [string, string] => [name.toLowerCase(), value]))

/** The cookies of a call. */
export const cookiesOf = (call: ApiCall): Map<string, Raw> =>
  collect(
    (fieldOf(call, 'cookie') ?? '')
      .split(';')
      .map((pair) => pair.trim().split('='))
      .filter(([name]) => name !== '')
      .map(([name = '', ...value]): [string, string] => [name, value.join('=')]),
  )
