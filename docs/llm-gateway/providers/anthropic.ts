import type { IncomingMessage, Server } from 'node:http'
import { framesOf, messageOf } from './anthropic-answer.js'
import { readPrompt } from './anthropic-request.js'
import { answer } from './model.js'
import { providerServer } from './server.js'
import { check, Refusal } from './strict.js'

const TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

/** A provider of the Messages API that knows one key. */
export function anthropicProvider(key: string): Server {
  return providerServer({
    name: 'anthropic',
    authorize(req) {
      if (req.headers['x-api-key'] !== key) throw new Refusal(401, 'invalid x-api-key')
      const foreign = Object.keys(req.headers).find((name) =>
        /^(?:authorization|cookie|openai-.*)$/.test(name),
      )
      check(foreign === undefined, `the field ${foreign} does not belong here`)
      check(
        /^\d{4}-\d\d-\d\d$/.test(String(req.headers['anthropic-version'])),
        'anthropic-version: header is required',
      )
    },
    route(req: IncomingMessage, body) {
      if (req.method !== 'POST' || req.url !== '/v1/messages') throw new Refusal(404, 'Not Found')
      check(req.headers['content-type'] === 'application/json', 'content-type: must be JSON')
      const reply = answer(readPrompt(body))
      return body['stream'] === true
        ? { frames: framesOf(reply, String(body['model'])) }
        : { json: messageOf(reply, String(body['model'])) }
    },
    error: (status, why) => ({
      type: 'error',
      error: {
        type: TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error'),
        message: why,
      },
      request_id: 'req_fake',
    }),
    headers: {
      'request-id': 'req_fake',
      'anthropic-organization-id': 'org-secret',
      'anthropic-ratelimit-requests-limit': '50',
      'anthropic-ratelimit-requests-remaining': '49',
    },
  })
}
