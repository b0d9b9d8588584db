import type { Code } from '../errors/codes.js'
import { type Address, type ApiCall, at, isSecure, type Limits, portOf } from './call.js'
import { fault, type Finding, nameOf, note, reportOf, type StepReport, warning } from './finding.js'
import { speaksTls, spokenIn } from './probe.js'
import { askAgain } from './reuse.js'
import { oneLine, quoted, sizeIn, timeIn } from './words.js'
import { type Answer, breakOf, valueOf, valuesOf } from './received.js'
import { openWire } from './wire.js'

/** A call and what came of it. */
export interface Called {
  readonly report: StepReport
  readonly answer: Answer
  /** Whether there is an answer to look at: a head that is valid HTTP. */
  readonly answered: boolean
}

/** nginx buffers 4 or 8 KB of a head by default, and answers 502 for a longer one. */
const LARGE_HEAD = 4096
/** Milliseconds between the two clocks that are worth a word. */
const SKEW = 60_000

/** Makes the call, and asks a second time on the same connection. */
export async function makeCall(address: Address, call: ApiCall, limits: Limits): Promise<Called> {
  const startedAt = performance.now()
  const wire = openWire(address, call.url)
  try {
    const answer = await wire.ask(call, limits.timeout)
    const code = breakOf(answer)
    const findings =
      code === undefined
        ? [...describe(answer), ...(await askAgain(wire, call, answer, limits))]
        : [...headOf(answer), await broken(code, answer, { address, call, limits })]
    return {
      report: reportOf('http', startedAt, findings, factsOf(answer)),
      answer,
      answered: answer.status !== undefined && answer.status >= 200 && answer.status <= 599,
    }
  } finally {
    wire.close()
  }
}

function headOf({ status, reason, headMs }: Answer): Finding[] {
  if (status === undefined) return []
  return [
    note(`${statusIn(status)}${reason && ` ${oneLine(reason)}`} after ${timeIn(headMs ?? 0)}`),
  ]
}

/** With the zeros that it came with. */
const statusIn = (status: number): string => String(status).padStart(3, '0')

function describe(answer: Answer): Finding[] {
  const { late, bodyBytes, ms } = answer
  const end = late
    ? `no end after ${timeIn(ms)} and ${sizeIn(bodyBytes)}`
    : `${sizeIn(bodyBytes)} in ${timeIn(ms)}`
  const [first] = headOf(answer)
  return [
    ...(first ? [note(`${first.text}, ${end}`)] : []),
    ...interimOf(answer),
    ...framingOf(answer),
    ...sizeOfHead(answer),
    ...clockOf(answer),
  ]
}

const interimOf = ({ interim }: Answer): Finding[] =>
  interim.length === 0 ? [] : [note(`interim answers before it: ${interim.join(', ')}`)]

/** How a reader can know where the body ends (RFC 9112, section 6.3). */
function framingOf(answer: Answer): Finding[] {
  const findings: Finding[] = []
  if (answer.version === '1.0') findings.push(note('the server speaks HTTP/1.0'))
  const coding = valuesOf(answer, 'transfer-encoding').join(', ').toLowerCase()
  if (coding !== '' && coding !== 'chunked')
    findings.push(
      fault(
        'upstream_protocol_error',
        `the transfer coding is ${quoted(coding)}, and gateways know only "chunked"`,
        { fix: 'Compress with Content-Encoding.' },
      ),
    )
  const open = coding === '' && valueOf(answer, 'content-length') === undefined
  if (open && answer.bodyBytes > 0 && !answer.late)
    findings.push(
      warning(
        'the body has no length and no chunks: nobody can tell its end from a cut connection',
      ),
    )
  return findings
}

function sizeOfHead({ rawHeaders }: Answer): Finding[] {
  const bytes = rawHeaders.reduce((sum, text) => sum + text.length + 2, 0)
  if (bytes < LARGE_HEAD) return []
  const sizes = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [{ name, size: rawHeaders[index + 1]?.length ?? 0 }] : [],
  )
  const { name, size } = sizes.reduce((a, b) => (b.size > a.size ? b : a))
  return [
    warning(
      `the head has ${sizeIn(bytes)}, most of it in ${quoted(name)} (${sizeIn(size)}): nginx refuses ` +
        'over 4 or 8 KB by default, Node over 16 KB',
    ),
  ]
}

function clockOf(answer: Answer): Finding[] {
  const skew = Date.parse(valueOf(answer, 'date') ?? '') - Date.now()
  if (Number.isNaN(skew) || Math.abs(skew) < SKEW) return []
  const way = skew > 0 ? 'ahead of' : 'behind'
  return [
    warning(
      `the clock of the server is ${timeIn(skew)} ${way} that of this machine`,
      'Set the wrong one: certificates, signatures and waits depend on it.',
    ),
  ]
}

interface Scene {
  readonly address: Address
  readonly call: ApiCall
  readonly limits: Limits
}

/** What each break looks like from here. */
const LOOKS: Partial<Record<Code, (answer: Answer) => string>> = {
  upstream_timeout: ({ ms }) => `no answer within ${timeIn(ms)}`,
  upstream_connection_lost: ({ ms }) =>
    `the connection ended after ${timeIn(ms)}, before an answer`,
  upstream_idle_timeout: ({ silentMs, bodyBytes }) =>
    `the body stopped after ${sizeIn(bodyBytes)}: nothing more for ${timeIn(silentMs)}`,
  upstream_headers_too_large: () => 'the head is over 16 KB',
  upstream_upgrade_failed: () => 'the server switches protocols (101), and nobody asked for it',
  upstream_tls_failed: ({ error }) =>
    /certificate required/i.test(String(error))
      ? 'the server wants a certificate of the client'
      : 'TLS broke after the handshake',
  upstream_response_incomplete: (answer) => {
    const length = valueOf(answer, 'content-length')
    const of = length === undefined ? '' : ` of ${length}`
    return `the body was cut off after ${answer.bodyBytes}${of} bytes`
  },
}

async function broken(
  code: Code,
  answer: Answer,
  { address, call, limits }: Scene,
): Promise<Finding> {
  const port = portOf(call.url)
  const early = answer.status === undefined && !answer.late
  const spoken = spokenIn(answer.firstBytes)
  const tls = !isSecure(call.url) && early && (await speaksTls(address, port, limits.timeout))
  if (tls)
    return fault(code, `${at(address, port)} speaks TLS, and the URL says http:`, {
      fix: `Call https://${call.url.host} instead.`,
    })
  if (early && spoken !== undefined)
    return fault(code, `${at(address, port)} speaks ${spoken}, not HTTP/1.1`, {
      fix: 'Check the port.',
    })
  const look = LOOKS[code]?.(answer) ?? protocolError(answer)
  const error = answer.error === undefined ? '' : ` (${nameOf(answer.error)})`
  return fault(code, look + error)
}

function protocolError({ status, complete, bodyBytes, error, firstBytes }: Answer): string {
  if (status !== undefined && (status < 200 || status > 599))
    return `the status ${statusIn(status)} is none that HTTP has`
  if (status === undefined && firstBytes.length > 0 && error !== undefined)
    return `what came is not valid HTTP: ${quoted(firstBytes.toString('latin1'))}`
  if (complete) return `more bytes follow the whole body of ${bodyBytes} bytes`
  return status === undefined ? 'the call failed' : `the body broke after ${bodyBytes} bytes`
}

const factsOf = (answer: Answer) => ({
  status: answer.status ?? null,
  version: answer.version,
  first_byte_ms: answer.headMs ?? null,
  ms: answer.ms,
  body_bytes: answer.bodyBytes,
  complete: answer.complete,
  ...(answer.error !== undefined && { error: nameOf(answer.error) }),
})
