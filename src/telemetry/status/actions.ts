import { breakers, type CircuitEntry } from '../../circuit/registry.js'
import { withoutStack } from '../../errors/gateway-error.js'
import { peekBody } from '../../exchange/body.js'
import type { Exchange } from '../../exchange/exchange.js'
import { respond } from '../../response/respond.js'
import { isSameOrigin } from './access.js'
import { ACTIONS } from './circuit-table.js'
import { circuitOf } from './circuits.js'

/**
 * Does what a form of the page asks for, and leads back to the page, so that a reload does not do it
 * again.
 *
 * @throws {GatewayError} `request_rejected`: 403 for a form of another site, 400 for one that is none of
 *   the page's, 404 for a circuit that is gone; and what reading a body throws.
 */
export async function act(exchange: Exchange): Promise<void> {
  if (!isSameOrigin(exchange.req))
    throw rejected(403, 'Only the status page itself may ask for this.')
  const form = await formOf(exchange)
  const action = ACTIONS.find((each) => each === form.get('action'))
  if (action === undefined)
    throw rejected(400, `The form needs an "action": ${ACTIONS.join(', ')}.`)
  const circuit = circuitIn(form)
  if (circuit === undefined) throw rejected(404, 'There is no such circuit.')
  circuit[action]()
  respond(exchange.response, { status: 303, headers: { Location: ownPath(exchange) }, body: '' })
}

const rejected = (status: number, detail: string): Error =>
  withoutStack('request_rejected', { status, detail })

/** By the id of the page's own forms, or by name and key, for scripts. */
function circuitIn(form: URLSearchParams): CircuitEntry | undefined {
  const id = form.get('circuit')
  if (id !== null) return circuitOf(id)
  return breakers.get(form.get('name') ?? '', form.get('key') ?? '')
}

const PLACE = {}
const LIMIT = 64 * 1024
const TIMEOUT = 10_000

/** The fields of a form, which a body parser of the application may have read before. */
async function formOf(exchange: Exchange): Promise<URLSearchParams> {
  const parsed = parsedBody(exchange)
  if (parsed !== undefined) return new URLSearchParams(textsOf(parsed))
  const bytes = await peekBody(exchange, { limit: LIMIT, timeout: TIMEOUT, place: PLACE })
  return new URLSearchParams(bytes.toString())
}

/** Where the parsers of Express and of Koa leave what they have read. */
function parsedBody({ req, hostContext }: Exchange): object | undefined {
  return objectIn(req, 'body') ?? objectIn(objectIn(hostContext, 'request'), 'body')
}

function objectIn(value: object | undefined, name: string): object | undefined {
  const found: unknown = value === undefined ? undefined : Reflect.get(value, name)
  return typeof found === 'object' && found !== null ? found : undefined
}

function textsOf(object: object): Record<string, string> {
  const texts = Object.entries(object).filter(([, value]) => typeof value === 'string')
  return Object.fromEntries(texts) as Record<string, string>
}

/**
 * The path of the page as the client knows it, which routers of the host may have shortened. Two
 * slashes at its beginning would lead to another host.
 */
function ownPath({ url }: Exchange): string {
  const path = url.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '').split(/[?#]/, 1)[0] ?? ''
  return `/${path.replace(/^[/\\]+/, '')}`
}
