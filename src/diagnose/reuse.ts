import { type ApiCall, type Limits } from './call.js'
import { fault, type Finding, nameOf, note, warning } from './finding.js'
import { timeIn } from './words.js'
import { type Answer, breakOf, valueOf } from './received.js'
import type { Wire } from './wire.js'

/** Load balancers keep idle connections for a minute: who closes sooner makes them answer 502 at times. */
const USUAL_IDLE = 60_000
/** A server that closes within this time does so after each answer. */
const AT_ONCE = 250
/** Another request would only make these worse. */
const LEAVE_ALONE = new Set([429, 503, 529])

/**
 * Asks a second time on the connection that the call has used, after a pause: by HEAD, which changes
 * nothing, and so shows whether HEAD says what GET says.
 */
export async function askAgain(
  wire: Wire,
  call: ApiCall,
  first: Answer,
  { timeout, idle }: Limits,
): Promise<Finding[]> {
  const { status = 0, complete } = first
  // What redirects is only on the way.
  const leads = status >= 300 && status < 400
  if (!complete || leads || LEAVE_ALONE.has(status)) return []
  const findings: Finding[] = []
  const announced = announcedIdle(first)
  const closes = announcesClose(first)
  if (closes) findings.push(note('the server closes the connection after each answer'))
  else {
    const wait = announced === undefined ? idle : 0
    const { closedAfter, surplus } = await wire.idle(Math.max(wait, AT_ONCE))
    findings.push(...(surplus ? [SURPLUS] : idleFindings(closedAfter, announced, wait)))
  }
  // Where the connection is gone, another one can still show what HEAD says.
  if (call.method !== 'GET' && !wire.isOpen()) return findings
  const head = await wire.ask(headOf(call), timeout)
  return [...findings, ...secondFindings(head), ...compare(call, first, head)]
}

/** `Connection: close`, and HTTP/1.0 without its opposite (RFC 9112, section 9.3). */
function announcesClose(answer: Answer): boolean {
  const connection = (valueOf(answer, 'connection') ?? '').toLowerCase()
  return connection.includes('close') || (answer.version === '1.0' && connection === '')
}

/** The milliseconds of `Keep-Alive: timeout=5`. */
function announcedIdle(answer: Answer): number | undefined {
  const [, seconds] = /\btimeout=(\d+)/i.exec(valueOf(answer, 'keep-alive') ?? '') ?? []
  return seconds === undefined ? undefined : Number(seconds) * 1000
}

const SURPLUS = fault(
  'upstream_protocol_error',
  'more bytes come after the whole body, and nobody has asked for them: its length is wrong',
  { partial: true, fix: 'Correct Content-Length, or what is written behind the body.' },
)

function idleFindings(
  closedAfter: number | undefined,
  announced: number | undefined,
  wait: number,
): Finding[] {
  if (closedAfter !== undefined && closedAfter < AT_ONCE)
    return [
      fault(
        'upstream_connection_lost',
        'the server closes the connection after an answer without saying so: a second request on it is lost',
        { partial: true, fix: 'Let it send "Connection: close", or keep the connection open.' },
      ),
    ]
  const idle = closedAfter ?? announced
  if (idle === undefined)
    return wait < AT_ONCE ? [] : [note(`the connection stays open for ${timeIn(wait)} of silence`)]
  if (idle >= USUAL_IDLE) return [note(`idle connections stay open for ${timeIn(idle)}`)]
  return [
    warning(
      `the server closes idle connections after ${timeIn(idle)}, load balancers and gateways keep them for ` +
        '60 s: a request that meets the close is lost, and is a 502 for its client',
      'Set the keep-alive timeout of the server above that of whatever stands in front of it.',
    ),
  ]
}

/** The same call without its body, and what describes one. */
function headOf(call: ApiCall): ApiCall {
  const headers = call.headers.filter(([name]) => !/^(?:content-|transfer-|expect$)/i.test(name))
  return { ...call, method: 'HEAD', headers, body: undefined }
}

function secondFindings(head: Answer): Finding[] {
  const code = breakOf(head)
  if (!head.reused) return []
  if (code === undefined) return [note('a second request on the same connection was answered')]
  const error = head.error === undefined ? '' : ` (${nameOf(head.error)})`
  return [
    fault(code, `a second request on the same connection was not answered${error}`, {
      partial: true,
    }),
  ]
}

/** HEAD has the fields of GET (RFC 9110, section 9.3.2). */
function compare(call: ApiCall, get: Answer, head: Answer): Finding[] {
  const failed = (get.status ?? 0) >= 400
  if (call.method !== 'GET' || failed || breakOf(head) !== undefined) return []
  const differs = [
    get.status !== head.status && `the status is ${head.status}, not ${get.status}`,
    ...['content-type', 'content-length'].map((name) => {
      const [ofGet, ofHead] = [valueOf(get, name), valueOf(head, name)]
      // A server may leave out of HEAD what it would have to make the body for.
      return ofGet !== undefined && ofHead !== undefined && ofGet !== ofHead && `${name} differs`
    }),
  ].filter((each) => each !== false)
  if (differs.length === 0) return []
  return [warning(`HEAD does not say what GET says: ${differs.join('; ')}`)]
}
