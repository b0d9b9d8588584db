import { EFFORTS, type Effort, type MessageRequest } from '../anthropic.js'
import type { Call } from '../call.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, refused, type Rules } from '../rules.js'
import { readConversation } from './messages.js'
import { readToolChoice, readTools } from './tools.js'

/** What the translation of a request needs to know. */
export interface RequestSettings {
  /** The provider's names of models, by the names that clients ask for. */
  readonly models: ReadonlyMap<string, string>
  /** Most tokens of an answer where the client sets no bound: the Messages API needs one. */
  readonly maxTokens: number
}

/** What the rules write. */
interface Draft {
  readonly to: MessageRequest
  readonly call: Call
  readonly settings: RequestSettings
}

const RULES: Rules<Draft> = {
  model: readElsewhere,
  messages: readElsewhere,
  max_tokens: readElsewhere,
  max_completion_tokens: readElsewhere,
  parallel_tool_calls: readElsewhere,
  stream: (member, { to }) => {
    to.stream = member.flag()
  },
  stream_options: (member, { call }) => {
    const usage = member.get('include_usage')
    call.wantsUsage = !usage.isAbsent && usage.flag()
  },
  temperature: (member, { to, call }) => {
    const temperature = member.number()
    if (temperature > 1) call.ignored.add(member)
    to.temperature = Math.min(1, temperature)
  },
  top_p: (member, { to }) => {
    to.top_p = member.number()
  },
  stop: (member, { to, call }) => {
    const texts = (member.isText ? [member] : member.items()).map((item) => item.text())
    const sequences = texts.filter((text) => text.trim() !== '')
    if (sequences.length < texts.length) call.ignored.add(member)
    if (sequences.length > 0) to.stop_sequences = sequences
  },
  tools: (member, { to, call }) => {
    const tools = readTools(member, call.ignored)
    if (tools.length > 0) to.tools = tools
  },
  tool_choice: readElsewhere,
  response_format: (member, { to }) => readFormat(member, to),
  reasoning_effort: (member, { to, call }) => {
    const effort = member.text() === 'minimal' ? 'low' : member.text()
    if (isEffort(effort)) to.output_config = { ...to.output_config, effort }
    else call.ignored.add(member)
  },
  user: (member, { to }) => {
    to.metadata ??= { user_id: member.text() }
  },
  safety_identifier: (member, { to }) => {
    to.metadata = { user_id: member.text() }
  },
  service_tier: (member, { to, call }) => {
    if (member.text() === 'default') to.service_tier = 'standard_only'
    else if (member.text() === 'auto') to.service_tier = 'auto'
    else call.ignored.add(member)
  },
  n: refused('the Messages API gives one answer to each request', 1),
  logprobs: refused('the Messages API does not tell the probabilities of tokens', false),
  top_logprobs: refused('the Messages API does not tell the probabilities of tokens', 0),
  audio: refused('the Messages API has no audio'),
  modalities: (member) => {
    for (const item of member.items())
      if (item.value !== 'text') item.unsupported('the Messages API answers with text only')
  },
  functions: refused('functions are replaced by tools'),
  function_call: refused('function_call is replaced by tool_choice'),
  web_search_options: refused('the search of the Chat Completions API is not translated'),
}

/** The request for the Messages API that asks for the same as one of Chat Completions. */
export function messageRequest(from: Part, call: Call, settings: RequestSettings): MessageRequest {
  call.model = from.get('model').word()
  const model = settings.models.get(call.model) ?? call.model
  const max_tokens = mostTokens(from, settings.maxTokens)
  const { system, messages } = readConversation(from.get('messages'), call.ignored)
  // A spread would give each one a shape of its own, on Node 20, which costs a microsecond.
  const to: MessageRequest =
    system === undefined ? { model, max_tokens, messages } : { model, max_tokens, system, messages }
  applyRules(from, RULES, { to, call, settings }, call.ignored)
  const choice = readToolChoice(from, to.tools !== undefined)
  if (choice !== undefined) to.tool_choice = choice
  return to
}

function mostTokens(from: Part, otherwise: number): number {
  const asked = [from.get('max_completion_tokens'), from.get('max_tokens')]
  return asked.find(({ isAbsent }) => !isAbsent)?.count() ?? otherwise
}

function readFormat(format: Part, to: MessageRequest): void {
  const type = format.get('type')
  if (type.text() === 'text') return
  if (type.text() !== 'json_schema') type.unsupported('the Messages API needs a JSON Schema')
  const schema = format.get('json_schema').get('schema').object()
  to.output_config = { ...to.output_config, format: { type: 'json_schema', schema } }
}

function isEffort(value: string): value is Effort {
  return EFFORTS.some((effort) => effort === value)
}
