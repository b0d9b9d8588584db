/** Error types of OpenAI's API by status. For others see `typeOf`. */
const OPENAI_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  429: 'rate_limit_error',
  503: 'service_unavailable_error',
  504: 'timeout_error',
}
const ANTHROPIC_TYPES: Readonly<Record<number, string>> = {
  ...OPENAI_TYPES,
  413: 'request_too_large',
  503: 'overloaded_error',
  529: 'overloaded_error',
}

/** The type that an error of this status has in OpenAI's API. */
export const openaiType = (status: number): string => typeOf(OPENAI_TYPES, status, 'server_error')

/** The type that an error of this status has in Anthropic's API. */
export const anthropicType = (status: number): string =>
  typeOf(ANTHROPIC_TYPES, status, 'api_error')

const typeOf = (types: Readonly<Record<number, string>>, status: number, server: string): string =>
  types[status] ?? (status < 500 ? 'invalid_request_error' : server)
