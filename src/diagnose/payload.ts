import { isUtf8 } from 'node:buffer'
import { decodeContent, refuseEncoding } from '../content/encoding.js'
import { findFault } from '../content/json-fault.js'
import { GatewayError } from '../errors/gateway-error.js'
import { type ApiCall, fieldOf, MOST_KEPT } from './call.js'
import type { ErrorBody } from './error-body.js'
import {
  fault,
  type Finding,
  note,
  reportOf,
  skipped,
  type StepReport,
  warning,
} from './finding.js'
import { jsonIn } from './json-value.js'
import { readStream } from './stream.js'
import { oneLine, quoted, sizeIn } from './words.js'
import { type Answer, breakOf, isEventStream, valueOf } from './received.js'

/** What the caller has in files about requests and responses; what is wrong comes in words. */
export interface Contract {
  /** What is wrong with a request; undefined when there is no schema for it. */
  request(call: ApiCall): readonly string[] | undefined
  /** What is wrong with a JSON response; undefined when there is no schema for it. */
  response(call: ApiCall, answer: JsonAnswer): readonly string[] | undefined
}

/** There are no schemas. */
export const NO_CONTRACT: Contract = { request: () => undefined, response: () => undefined }

/** A response as a contract sees it. */
export interface JsonAnswer {
  readonly status: number
  /** The media type without its parameters. */
  readonly type: string
  readonly value: unknown
}

/** What the two bodies have shown. */
export interface Inspected {
  readonly report: StepReport
  /** The error that came as an event of a stream. */
  readonly error: ErrorBody | undefined
}

/** A body without its content coding, or why that could not be undone. */
export interface Decoded {
  readonly bytes: Buffer
  readonly findings: readonly Finding[]
  /** Whether it is the whole body. */
  readonly whole: boolean
}

const JSON_TYPE = /^(?:[^;]*\/|[^;]*\+)json\s*(?:;|$)/i
/** Depth to which a body is read; what the parser makes of more is its own affair. */
const DEEPEST = 512

const isJson = (type: string | undefined): boolean => JSON_TYPE.test(type ?? '')
const mediaType = (type = ''): string => (type.split(';')[0] ?? '').trim().toLowerCase()
const looksLikeHtml = (text: string): boolean => /^\s*<(?:!doctype|html|head|body)\b/i.test(text)

/** Undoes the content coding of an answer, as far as it is whole. */
export async function decode(answer: Answer): Promise<Decoded> {
  const { body, bodyBytes, complete } = answer
  const cut = breakOf(answer) === 'upstream_response_incomplete'
  const whole = complete && !cut && bodyBytes === body.length
  const encoding = valueOf(answer, 'content-encoding')
  if (encoding === undefined || body.length === 0) return { bytes: body, findings: [], whole }
  if (refuseEncoding(encoding) !== undefined) {
    const text = `Content-Encoding ${quoted(encoding)} cannot be undone here`
    return { bytes: Buffer.alloc(0), findings: [note(text)], whole: false }
  }
  try {
    const bytes = await decodeContent(body, encoding, 4 * MOST_KEPT)
    return { bytes, findings: [], whole }
  } catch (error) {
    if (!GatewayError.is(error)) throw error
    // A part of a body is broken in any case.
    if (!whole || error.code === 'content_too_large')
      return { bytes: Buffer.alloc(0), findings: [], whole: false }
    const text = `the body is not what Content-Encoding ${quoted(encoding)} says`
    const fix = 'Is something on the way compressing twice, or dropping the field?'
    return {
      bytes: Buffer.alloc(0),
      findings: [fault('upstream_encoding_invalid', text, { fix })],
      whole: false,
    }
  }
}

/** Compares both bodies with their types, and with the contract. */
export function inspect(
  call: ApiCall,
  answer: Answer | undefined,
  decoded: Decoded,
  contract: Contract,
): Inspected {
  const startedAt = performance.now()
  const refused = (answer?.status ?? 0) >= 400
  const findings = requestFindings(call, contract, refused)
  if (answer === undefined) {
    const nothing = findings.length === 0
    const report = nothing
      ? skipped('payload', 'there is none')
      : reportOf('payload', startedAt, findings)
    return { report, error: undefined }
  }
  findings.push(...decoded.findings)
  const type = valueOf(answer, 'content-type')
  if (isEventStream(answer)) {
    const stream = readStream({ ...answer, body: decoded.bytes }, answer.error !== undefined)
    findings.push(...compressed(answer), ...stream.findings)
    return { report: reportOf('payload', startedAt, findings, stream.facts), error: stream.error }
  }
  findings.push(...responseFindings(call, answer, decoded, contract))
  const facts = { content_type: type ?? null, bytes: answer.bodyBytes, complete: answer.complete }
  return { report: reportOf('payload', startedAt, findings, facts), error: undefined }
}

/** A coder collects events until they are worth a block. */
function compressed(answer: Answer): Finding[] {
  const encoding = valueOf(answer, 'content-encoding')
  if (encoding === undefined) return []
  const text = `the stream is compressed (${oneLine(encoding)}), which holds events back`
  return [warning(text, 'Switch compression off for it (Cache-Control: no-transform).')]
}

/** What a server refuses may be the request's own fault; what it takes is its own affair. */
function requestFindings(call: ApiCall, contract: Contract, refused: boolean): Finding[] {
  const found = contract.request(call)
  const [first, ...rest] = found?.map(oneLine) ?? []
  const schema =
    first === undefined
      ? found === undefined
        ? []
        : [note('the request matches its schema')]
      : [fault('request_invalid', `the request: ${first}`, { telling: true }), ...rest.map(note)]
  const { body } = call
  if (body === undefined || !isJson(fieldOf(call, 'content-type'))) return schema
  const broken = isUtf8(body) ? placeOf(body.toString()) : 'not UTF-8'
  if (broken === undefined) return schema
  const text = `the body of the request is not acceptable JSON: ${broken}`
  return [refused ? fault('request_malformed', text, { telling: true }) : warning(text), ...schema]
}

/** Where a text stops to be JSON, in words; undefined when it is. */
function placeOf(text: string): string | undefined {
  const found = findFault(text, DEEPEST)
  if (found === undefined) return undefined
  const before = text.slice(0, found.at).split('\n')
  const column = (before.at(-1)?.length ?? 0) + 1
  return `${found.reason} at line ${before.length}, column ${column}`
}

function responseFindings(
  call: ApiCall,
  answer: Answer,
  decoded: Decoded,
  contract: Contract,
): Finding[] {
  const type = valueOf(answer, 'content-type')
  if (answer.bodyBytes === 0) return [note('no body')]
  if (!decoded.whole) return [note(answer.complete ? tooLong(answer) : 'a part of a body')]
  const text = decoded.bytes.toString()
  if (isJson(type)) return jsonFindings(call, answer, decoded.bytes, contract)
  if (type === undefined) return [warning('the body has no Content-Type')]
  const value = /^\s*[[{]/.test(text) ? jsonIn(text) : undefined
  if (value !== undefined)
    return [warning(`the body is JSON, and Content-Type says ${quoted(type)}`)]
  return [
    htmlForJson(call, answer, text) ?? note(`${quoted(type)}, ${sizeIn(decoded.bytes.length)}`),
  ]
}

const tooLong = ({ bodyBytes }: Answer): string =>
  `the body has ${sizeIn(bodyBytes)}: too much to look into`

/** A page where the caller wants JSON comes from a login, or from something in between. */
function htmlForJson(call: ApiCall, { status = 0 }: Answer, text: string): Finding | undefined {
  const wanted = isJson(fieldOf(call, 'accept') ?? '') || isJson(fieldOf(call, 'content-type'))
  if (status >= 400 || !wanted || !looksLikeHtml(text)) return undefined
  return fault(
    'upstream_response_invalid',
    'the body is a page of HTML, where the call wants JSON',
    {
      fix: 'Is it a login, or the page of something in between? Is the path right?',
    },
  )
}

function jsonFindings(call: ApiCall, answer: Answer, bytes: Buffer, contract: Contract): Finding[] {
  const text = bytes.toString()
  const code = 'upstream_response_invalid'
  if (looksLikeHtml(text))
    return [fault(code, 'Content-Type says JSON, and the body is a page of HTML')]
  if (!isUtf8(bytes)) return [fault(code, 'the body says that it is JSON, and is not UTF-8')]
  const value = jsonIn(text)
  const place = placeOf(text)
  if (value === undefined)
    return [fault(code, `the body says that it is JSON, and is not: ${place ?? 'unknown fault'}`)]
  const type = mediaType(valueOf(answer, 'content-type'))
  const found = contract.response(call, { status: answer.status ?? 0, type, value })
  const [first, ...rest] = found?.map(oneLine) ?? []
  return [
    note(`JSON, ${sizeIn(bytes.length)}`),
    // Readers of JSON do not agree about these.
    ...(place === undefined ? [] : [warning(`readers of JSON differ about ${place}`)]),
    ...(found?.length === 0 ? [note('the response matches its schema')] : []),
    ...(first === undefined ? [] : [fault(code, first)]),
    ...rest.map(note),
  ]
}
