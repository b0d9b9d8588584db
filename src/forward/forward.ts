import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { makeAgent } from '#undici'
import { announcedLength } from '../content/framing.js'
import { refuseFraming } from '../content/strict-framing.js'
import { GatewayError } from '../errors/gateway-error.js'
import { peekBody, type PeekOptions } from '../exchange/body.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Step } from '../exchange/step.js'
import { upgradeExchange } from '../exchange/upgrade.js'
import { openExchange } from '../observer/context.js'
import { isRepeatable } from '../exchange/repeatable.js'
import { watch } from '../observer/watch.js'
import { replaceByAdded } from './added-fields.js'
import { learnConnections } from './connections.js'
import type { Dispatching } from './dispatching.js'
import { Forwarding } from './forwarding.js'
import { mount } from './mounted.js'
import { type ForwardOptions, readOptions } from './options.js'
import { EMPTY, type RequestBody, takeBody } from './request-body.js'

/** A `forward` before it is adapted to a host. */
export interface ForwardStep {
  readonly step: Step
  /** Sends on a request for another protocol, and joins the connections when the upstream switches. */
  upgrade(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void>
  /** Ends its connections, once what is under way is over. */
  close(): Promise<unknown>
}

/**
 * Sends requests to an upstream, and their responses back.
 *
 * @throws {TypeError} when an option is wrong.
 */
export function forwardStep(options: ForwardOptions): ForwardStep {
  const settings = readOptions(options)
  const own = settings.dispatcher === undefined ? ownAgent() : undefined
  const mounted = mount(settings, settings.dispatcher ?? (own as Dispatching))
  const hasOthers = settings.retries > 0 || settings.targets.length > 1
  const isTranslated = settings.targets.some(({ transform }) => transform !== undefined)
  const peek = { limit: settings.bufferLimit, timeout: BODY_TIMEOUT, place: {}, reader: 'forward' }
  learnConnections()
  replaceByAdded()
  let closing: Promise<unknown> | undefined
  function forward(given: Exchange): Promise<void> {
    const exchange = openExchange(given)
    check(exchange)
    if (isTranslated && announcedLength(exchange.req) !== 0)
      return readWhole(exchange, peek).then(() => send(exchange))
    return send(exchange)
  }
  function send(exchange: Exchange): Promise<void> {
    // Without other attempts, only what an idle connection may lose is sent again.
    const isKept = hasOthers || isRepeatable(exchange)
    const taken = takeBody(exchange, isKept ? settings.bufferLimit : 0)
    const begin = (body: RequestBody) => new Forwarding(exchange, mounted, { body }).done
    // To wait for what is there would take another turn for every request.
    return taken instanceof Promise ? taken.then(begin) : begin(taken)
  }
  async function upgrade(req: IncomingMessage, socket: Socket, head: Buffer): Promise<void> {
    const exchange = upgradeExchange({ req, socket, unanswered: () => false })
    check(exchange)
    await new Forwarding(exchange, mounted, { body: EMPTY, upgrading: { socket, head } }).done
  }
  function check(exchange: Exchange): void {
    if (closing) throw new GatewayError('gateway_shutting_down')
    if (exchange.isClosed) throw new GatewayError('client_closed_request')
    watch(exchange)
    if (settings.retries > 0) mounted.budget.count()
  }
  return {
    step: Object.assign(forward, { answers: true }),
    upgrade,
    close: () => (closing ??= own?.close() ?? Promise.resolve()),
  }
}

/** A transform gets the whole body, for one target after the other. */
async function readWhole(exchange: Exchange, options: PeekOptions): Promise<void> {
  refuseFraming(exchange.req)
  await peekBody(exchange, options)
}

/** Milliseconds until the whole body of a request must have arrived, as in `validate`. */
const BODY_TIMEOUT = 30_000

/** Milliseconds after which a connection that does not come about is given up. */
const LONGEST_CONNECT = 60_000

/** The times of undici are not those of the circuit breaker, which has its own; only a bound stays. */
function ownAgent(): Required<Dispatching> {
  return makeAgent({
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: { timeout: LONGEST_CONNECT },
  })
}
