/** Why a completion of OpenAI's API ended. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter'
/** Why a message of Anthropic's API ended. */
export type StopReason = 'end_turn' | 'max_tokens' | 'tool_use' | 'refusal'

const FINISH_REASONS: Readonly<Record<string, FinishReason>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
}

const STOP_REASONS: Readonly<Record<string, StopReason>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
}

/** The reason for a client of OpenAI's API; one that is not known is a plain end. */
export function finishReason(reason: string | undefined): FinishReason {
  return lookUp(FINISH_REASONS, reason) ?? 'stop'
}

/**
 * The reason for a client of Anthropic's API. Some servers say `stop` where the model has called a
 * tool, and a client that believes it would not run the tool.
 */
export function stopReason(
  reason: string | undefined,
  { refuses, callsTools }: { readonly refuses: boolean; readonly callsTools: boolean },
): StopReason {
  if (refuses) return 'refusal'
  const known = lookUp(STOP_REASONS, reason) ?? 'end_turn'
  return known === 'end_turn' && callsTools ? 'tool_use' : known
}

function lookUp<T>(table: Readonly<Record<string, T>>, key: string | undefined): T | undefined {
  return key !== undefined && Object.hasOwn(table, key) ? table[key] : undefined
}
