import type { ResponseHead, Transformer } from '../../types.js'
import type { Call } from '../call.js'
import { anthropicErrorBody } from '../errors.js'
import { anthropicResponseFields, type Fields, withoutClientFields } from '../fields.js'
import { anthropicToOpenaiSettings, type AnthropicToOpenaiOptions } from '../options.js'
import { Part } from '../part.js'
import { requirePath, type Translator, translator } from '../translator.js'
import { MessageEvents } from './events.js'
import { completionRequest } from './request.js'
import { message } from './response.js'

/**
 * Lets clients of Anthropic's Messages API call a provider of OpenAI's Chat Completions API, or a server
 * that speaks it: requests, answers, streams and errors are translated.
 *
 * What Chat Completions cannot say is refused with 400 `request_unsupported` where the client would
 * rely on it; hints are left out, and named in the response field `X-Transform-Ignored`.
 *
 * @experimental
 * @throws {TypeError} naming the option and the fix.
 * @example
 * app.use(transform(anthropicToOpenai({ apiKey, models: { 'claude-sonnet-4-5': 'gpt-5' } })))
 */
export function anthropicToOpenai(options: AnthropicToOpenaiOptions = {}): Translator {
  const settings = anthropicToOpenaiSettings(options)
  const { apiKey, path } = settings
  return translator((call): Transformer => ({
    request(request) {
      requirePath(request, '/messages')
      const body = completionRequest(Part.ofRequest(request.json()), call, settings)
      const headers = withoutClientFields(request.headers)
      if (apiKey !== undefined) headers['authorization'] = `Bearer ${apiKey}`
      return { path, headers, body }
    },
    response(response) {
      const headers = responseFields(response, call)
      const body =
        response.status < 400
          ? message(Part.ofResponse(response.json()), call)
          : anthropicErrorBody(response, headers['request-id'] ?? undefined)
      return { headers, body }
    },
    events: (head) => new MessageEvents(call, responseFields(head, call)),
  }))
}

function responseFields({ headers }: ResponseHead, { ignored }: Call): Fields {
  return Object.assign(anthropicResponseFields(headers, Date.now()), ignored.fields)
}
