import type { ResponseHead, Transformer } from '../../types.js'
import type { Call } from '../call.js'
import { openaiErrorBody } from '../errors.js'
import { type Fields, openaiResponseFields, withoutClientFields } from '../fields.js'
import { openaiToAnthropicSettings, type OpenaiToAnthropicOptions } from '../options.js'
import { Part } from '../part.js'
import { requirePath, type Translator, translator } from '../translator.js'
import { CompletionEvents } from './events.js'
import { messageRequest } from './request.js'
import { completion } from './response.js'

/** The version of the Messages API whose members are read and written here. */
const VERSION = '2023-06-01'

/**
 * Lets clients of OpenAI's Chat Completions API call a provider of Anthropic's Messages API: requests,
 * answers, streams and errors are translated.
 *
 * What the Messages API cannot say is refused with 400 `request_unsupported` where the client would
 * rely on it; hints are left out, and named in the response field `X-Transform-Ignored`.
 *
 * @experimental
 * @throws {TypeError} naming the option and the fix.
 * @example
 * app.use(transform(openaiToAnthropic({ apiKey, models: { 'gpt-5': 'claude-sonnet-4-5' } })))
 */
export function openaiToAnthropic(options: OpenaiToAnthropicOptions = {}): Translator {
  const settings = openaiToAnthropicSettings(options)
  const { apiKey, path, showReasoning } = settings
  return translator((call): Transformer => ({
    request(request) {
      requirePath(request, '/chat/completions')
      const body = messageRequest(Part.ofRequest(request.json()), call, settings)
      const headers = withoutClientFields(request.headers)
      headers['anthropic-version'] = VERSION
      if (apiKey !== undefined) headers['x-api-key'] = apiKey
      return { path, headers, body }
    },
    response(response) {
      const body =
        response.status < 400
          ? completion(Part.ofResponse(response.json()), call, showReasoning)
          : openaiErrorBody(response)
      return { headers: responseFields(response, call), body }
    },
    events: (head) => new CompletionEvents(call, showReasoning, responseFields(head, call)),
  }))
}

function responseFields({ headers }: ResponseHead, { ignored }: Call): Fields {
  return Object.assign(openaiResponseFields(headers, Date.now()), ignored.fields)
}
