import { callBack } from '../common/callback.js'
import { GatewayError } from '../errors/gateway-error.js'
import type { Exchange, Responder } from '../exchange/exchange.js'
import { receivedStatus, tellProblem } from '../exchange/tell.js'
import { dropUpstreamFields } from '../exchange/upstream-fields.js'
import { clientLeft } from '../response/client.js'
import { cutWithEvent } from '../response/cut.js'
import { type Gate, headIsOut } from '../response/gate.js'
import { discardHeld } from '../response/hooks.js'
import { respond } from '../response/respond.js'
import { fieldNamed, withFieldsOf, linesOf, varyOn } from './fields.js'
import { eventOf, type Rendered, render } from './formats.js'
import { pageOf, prefersPage } from './page.js'
import { infoOf } from './info.js'
import type { Settings } from './options.js'
import { type Problem, problemOf } from './problem.js'
import { proxyStatusOf } from './proxy-status.js'
import { requestIdOf } from './request-id.js'
import { gatewayErrorOf } from './thrown.js'

/** Writes the standard bodies: no other class does. */
export class Writer implements Responder {
  readonly #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  /** Answers an error, or cuts the response when its head is out; once for each request. */
  fail(exchange: Exchange, thrown: unknown): GatewayError {
    const error = gatewayErrorOf(thrown, exchange)
    // Who has left is reported when the response closes, whatever it was that noticed first.
    if (exchange.response.settled || clientLeft(exchange.response)) return error
    const problem = this.tell(exchange, error)
    const out = headIsOut(exchange.response)
    if (out && exchange.res.writableEnded) return error
    const rendered = render(problem, this.#settings.format, exchange)
    if (out) cutWithEvent(exchange.response, eventOf(rendered), rendered.endsStream)
    else {
      const page = prefersPage(exchange.req, rendered.contentType)
      this.#respond(exchange, error, problem, page ? pageOf(problem) : rendered)
    }
    return error
  }

  /** Tells the log hook of an error that the client does not get. */
  report(exchange: Exchange, error: GatewayError): void {
    this.tell(exchange, error, true)
  }

  /** Tells the listeners and the log hook of a problem; `only` where the client does not get it. */
  tell(exchange: Exchange, error: GatewayError, only = false): Problem {
    const { onError, requestId } = this.#settings
    const problem = problemOf(error, exchange, requestIdOf(exchange.req, requestId), this.#settings)
    tellProblem(exchange, error, { body: problem, reported: only })
    if (onError) {
      const info = infoOf(error, exchange, problem)
      callBack('onError', onError, error, only ? { ...info, reported: true } : info, exchange)
    }
    return problem
  }

  #respond(exchange: Exchange, error: GatewayError, problem: Problem, rendered: Rendered): void {
    const { name, expose } = this.#settings
    const { res } = exchange
    discardHeld(exchange.response)
    dropUpstreamFields(exchange)
    // What the application has asked for was about the answer that is replaced.
    res.removeHeader('retry-after')
    const headers: Record<string, string> = {}
    if (problem.retry_after !== undefined) headers['Retry-After'] = String(problem.retry_after)
    if (rendered.headers) Object.assign(headers, rendered.headers)
    headers['Content-Type'] = rendered.contentType
    headers['Cache-Control'] = 'no-store'
    headers['X-Content-Type-Options'] = 'nosniff'
    headers['X-Request-Id'] = problem.request_id
    headers['Proxy-Status'] = proxyStatusOf(error, {
      name,
      details: expose === 'full',
      received: receivedStatus(error, exchange),
      existing: memberLines(exchange.response),
    })
    const vary = fieldNamed(error.headers, 'vary')
    const lines = linesOf(res, 'vary')
    headers['Vary'] = varyOn(vary === undefined ? lines : [...lines, vary], 'Accept')
    respond(exchange.response, {
      status: problem.status,
      body: rendered.body,
      headers: withFieldsOf(error, headers),
    })
  }
}

/** The lines of `Proxy-Status` that the replaced response had, by `setHeader` or by `writeHead`. */
function memberLines({ res, head }: Gate): string[] {
  const lines = linesOf(res, 'proxy-status')
  const given = lines.length === 0 ? head?.header('proxy-status') : undefined
  return given === undefined ? lines : [given]
}
