import { wrap } from '../diagnose/render.js'
import { plain } from '../diagnose/words.js'
import { type Code, codes, type Retry } from '../errors/codes.js'
import { advice } from '../problem/advice.js'

const RETRYABLE: Readonly<Record<Retry, string>> = {
  safe: 'yes, nothing was processed',
  idempotent: 'if the method may be repeated, or the request has an Idempotency-Key',
  never: 'no, it is the request that must change',
}

const HEADINGS = [
  'What happened',
  'What the client should do',
  'What the operator should check',
] as const

/** The page of a code, for a terminal. */
export function explain(code: Code, width: number): string {
  const { title, status, cause, proxyError, retry } = codes[code]
  const token = proxyError === undefined ? '' : `, Proxy-Status ${proxyError}`
  const parts = advice[code].map(
    (text, index) => `${HEADINGS[index]}\n${indented(plain(text), width)}`,
  )
  return (
    [
      `${code}: ${title}`,
      `Status ${status}, cause ${cause}${token}.\nRetry: ${RETRYABLE[retry]}.`,
      ...parts,
      '',
    ]
      .join('\n\n')
      .trimEnd() + '\n'
  )
}

const indented = (text: string, width: number): string =>
  wrap(text, width - 2)
    .map((line) => `  ${line}`)
    .join('\n')
