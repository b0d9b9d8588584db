import { codes, type Code } from '../errors/codes.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import { POLICY } from '../exchange/upstream-fields.js'
import type { ResponseCheck } from '../response/buffered.js'
import type { Head } from '../response/head.js'
import { isOwnStatus, isPage, isPageText, messageOn } from './finalhandler.js'

/** What `problemDetails` must know about its host. */
export interface HostTraits {
  /** Whether an error that nobody handles ends as finalhandler's page. */
  readonly pages?: boolean
}

/**
 * The error that nobody handled, where this response is what the host made of it: finalhandler's page,
 * or a status that Node cannot write. Undefined for every other response.
 */
export function unhandledError(
  exchange: Exchange,
  head: Head,
  { pages }: HostTraits,
): GatewayError | undefined {
  const { status = 500 } = head
  // polka uses the `code` of an error as the status: Node would throw, and nothing would catch it.
  if (!(status >= 100 && status <= 999)) return errorBehind(exchange)
  const isError = pages === true && isPage(exchange, head) === true
  if (!isError) return undefined
  const error = errorOfPage(exchange, head, head.text)
  // That of the page is not that of the application.
  exchange.res.removeHeader(POLICY)
  return error
}

/** Holds a response of which only the text can tell whether it is the page. */
export function pageCheck(
  exchange: Exchange,
  head: Head,
  { pages }: HostTraits,
): ResponseCheck | undefined {
  const isOpen = pages === true && isPage(exchange, head) === 'maybe'
  return isOpen ? checkOfText(exchange, head) : undefined
}

/** The page has a stack in it at most. */
const LONGEST_PAGE = 64 * 1024

function checkOfText(exchange: Exchange, head: Head): ResponseCheck {
  const { [POLICY]: _, ...headers } = exchange.res.getHeaders()
  return {
    limit: LONGEST_PAGE,
    headers,
    broken: () => undefined,
    judge: async (body) => {
      const text = body.toString()
      if (!isPageText(text)) return undefined
      return () => void exchange.fail(errorOfPage(exchange, head, text))
    },
  }
}

/** The error behind the page, of which it shows the status and the fields. */
function errorOfPage(exchange: Exchange, head: Head, text = ''): GatewayError {
  const { status = 500 } = head
  if (exchange.rejected?.status === status) return exchange.rejected
  const { deciding } = exchange.calls
  // A client library puts the status of the upstream on its error, and 500 is what has none.
  const mayBeOfUpstream = status === 500 || status === deciding?.status
  if (deciding !== undefined && mayBeOfUpstream && !isOwnStatus(text, status))
    return errorBehind(exchange)
  const code: Code = status < 500 ? 'request_rejected' : 'gateway_error'
  return new GatewayError(code, {
    status,
    headers: fieldsOf(head),
    detail: messageOn(text, status) ?? codes[code].detail,
  })
}

/** The error that was passed to the host, where nothing of it is left. */
function errorBehind({ rejected, calls }: Exchange): GatewayError {
  return rejected ?? new GatewayError(calls.deciding ? 'upstream_error' : 'gateway_error')
}

/** Fields of the error that an answer of ours has for itself; the others stay on the response. */
function fieldsOf(head: Head): Record<string, string> {
  const fields = ['Retry-After', 'Content-Range'].map(
    (name) => [name, head.header(name.toLowerCase())] as const,
  )
  return Object.fromEntries(
    fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}
