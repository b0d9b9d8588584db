import { EFFORTS } from '../anthropic.js'
import type { Call } from '../call.js'
import type { CompletionRequest } from '../openai.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, refused, type Rules } from '../rules.js'
import { readInstructions, readMessages } from './messages.js'
import { readToolChoice, readTools } from './tools.js'

/** What the translation of a request needs to know. */
export interface RequestSettings {
  /** The provider's names of models, by the names that clients ask for. */
  readonly models: ReadonlyMap<string, string>
  /** The member that bounds an answer: older servers know `max_tokens` only. */
  readonly maxTokensMember: 'max_completion_tokens' | 'max_tokens'
}

/** What the rules write. */
interface Draft {
  readonly to: CompletionRequest
  readonly call: Call
}

/** OpenAI's API takes no more stop sequences. */
const MOST_STOPS = 4

const RULES: Rules<Draft> = {
  model: readElsewhere,
  max_tokens: readElsewhere,
  system: readElsewhere,
  messages: readElsewhere,
  tool_choice: readElsewhere,
  stream: (member, { to }) => {
    to.stream = member.flag()
    // The usage of a message is no option.
    if (to.stream) to.stream_options = { include_usage: true }
  },
  temperature: (member, { to }) => {
    to.temperature = member.number()
  },
  top_p: (member, { to }) => {
    to.top_p = member.number()
  },
  stop_sequences: (member, { to }) => {
    const stop = member.items().map((item) => item.text())
    if (stop.length > MOST_STOPS)
      member.unsupported(`Chat Completions takes at most ${MOST_STOPS} stop sequences`)
    if (stop.length > 0) to.stop = stop
  },
  tools: (member, { to, call }) => {
    const tools = readTools(member, call.ignored)
    if (tools.length > 0) to.tools = tools
  },
  output_config: (member, { to, call }) => {
    applyRules(member, OUTPUT_RULES, { to, call }, call.ignored)
  },
  output_format: readFormat,
  metadata: (member, { to, call }) => {
    applyRules(member, METADATA_RULES, { to, call }, call.ignored)
  },
  service_tier: (member, { to, call }) => {
    if (member.text() === 'standard_only') to.service_tier = 'default'
    else if (member.text() === 'auto') to.service_tier = 'auto'
    else call.ignored.add(member)
  },
  mcp_servers: refused('servers of tools are not translated'),
}

const OUTPUT_RULES: Rules<Draft> = {
  format: readFormat,
  effort: (member, { to }) => {
    const effort = EFFORTS.find((known) => known === member.text())
    to.reasoning_effort = effort ?? member.wrong(EFFORTS.join(', '))
  },
}

const METADATA_RULES: Rules<Draft> = {
  user_id: (member, { to }) => {
    to.user = member.text()
  },
}

/** The request for Chat Completions that asks for the same as one of the Messages API. */
export function completionRequest(
  from: Part,
  call: Call,
  { models, maxTokensMember }: RequestSettings,
): CompletionRequest {
  call.model = from.get('model').word()
  call.wantsUsage = true
  const to: CompletionRequest = {
    model: models.get(call.model) ?? call.model,
    [maxTokensMember]: from.get('max_tokens').count(),
    messages: [
      ...readInstructions(from.get('system'), call.ignored),
      ...readMessages(from.get('messages'), call.ignored),
    ],
  }
  applyRules(from, RULES, { to, call }, call.ignored)
  return Object.assign(to, readToolChoice(from.get('tool_choice'), to.tools !== undefined))
}

function readFormat(format: Part, { to }: Draft): void {
  const type = format.get('type')
  if (type.text() !== 'json_schema') type.unsupported('only json_schema is translated')
  const schema = format.get('schema').object()
  to.response_format = {
    type: 'json_schema',
    json_schema: { name: 'answer', schema, strict: true },
  }
}
