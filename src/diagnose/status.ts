import type { Code } from '../errors/codes.js'
import { meaningOfStatus } from '../failures/table.js'
import type { ErrorBody } from './error-body.js'
import { fault, type Finding } from './finding.js'
import type { Meaning, Seen } from './marks.js'
import type { ProxyFailure } from './proxy-status.js'
import { clause, oneLine } from './words.js'

/** Who has written an answer, and what is known of it by that. */
export interface Written {
  readonly writer: string
  /** What `Proxy-Status` tells. */
  readonly told: ProxyFailure | undefined
  /** What the marks of the writer tell. */
  readonly means: Meaning | undefined
}

/** What a status is in our words: by our own body, by Proxy-Status, by the writer, or by itself. */
export function statusFindings(seen: Seen, written: Written): Finding[] {
  const { status, error } = seen
  const { writer, told, means } = written
  if (status < 400 && means === undefined) return []
  const said = `${writer} answers ${status}`
  if (error?.ours) return [ofOurs(said, error, told)]
  if (told?.code !== undefined)
    return [fault(told.code, `${said}; Proxy-Status says error=${told.error}`)]
  return [faultOf(said, means ?? byItself(seen))]
}

/** A format may leave our code out; then the field beside it tells. */
function ofOurs(said: string, { code, message = '' }: ErrorBody, told: Written['told']): Finding {
  return fault(code ?? told?.code ?? 'upstream_error', `${said}: ${clause(message)}`)
}

const faultOf = (said: string, { code, text, fix }: Meaning): Finding =>
  fault(code, text === '' ? said : `${said}: ${text}`, fix === undefined ? {} : { fix })

function byItself(seen: Seen): Meaning {
  const { status, error } = seen
  const code = error?.code ?? codeOfStatus(status)
  const words = REFUSALS[status]?.(seen)
  const message = error?.message === undefined ? '' : clause(error.message)
  return { code, text: message, ...words }
}

/** Statuses that say as much as a code of ours. */
const OWN: Readonly<Record<number, Code>> = {
  405: 'method_not_allowed',
  408: 'request_timeout',
  413: 'content_too_large',
  415: 'unsupported_media_type',
  504: 'upstream_timeout',
}

/** The code that the gateway itself would give the status of an upstream. */
function codeOfStatus(status: number): Code {
  const own = OWN[status]
  if (own !== undefined) return own
  return status < 500 && status !== 429 ? 'request_rejected' : meaningOfStatus(status).code
}

type Words = Pick<Meaning, 'text' | 'fix'>

/** What is wrong with a call that is refused. */
const REFUSALS: Readonly<Record<number, (seen: Seen) => Words>> = {
  400: () => ({ text: 'it does not understand the call' }),
  401: ({ field }) => ({
    text: `the call has no credentials that it accepts${asked(field('www-authenticate'))}`,
  }),
  403: () => ({ text: 'these credentials do not allow the call' }),
  404: () => ({ text: 'there is nothing at this path', fix: 'Check the path, its version too.' }),
  405: ({ field }) => ({ text: `the path does not know the method${taken(field('allow'))}` }),
  406: () => ({ text: 'it has nothing that fits the Accept of the call' }),
  415: ({ field }) => ({ text: `it does not take this Content-Type${taken(field('accept'))}` }),
  422: () => ({ text: 'it understands the body, and does not accept it' }),
  431: () => ({ text: 'the header fields of the call are too large' }),
}

const asked = (challenge: string): string =>
  challenge === '' ? '' : `, and asks for ${oneLine(challenge.split(/[\s,]/)[0] ?? '')}`
const taken = (list: string): string => (list === '' ? '' : `; it takes ${oneLine(list)}`)
