import type { Code } from '../errors/codes.js'
import { type Mark, type Meaning, meaningIn, type Rows, type Seen } from './marks.js'

// prettier-ignore
const API_GATEWAY: Rows = [
  [/^502 Internal server error/i, 'upstream_response_invalid', 'API Gateway could not use what came from behind it: a malformed Lambda proxy response, most often', 'A Lambda must return { statusCode, headers, body } with the body as a string; check its permissions, too.'],
  [/^500 Internal server error/i, 'upstream_error', 'API Gateway could not use what came from behind it: a Lambda that threw or returned what is no response, or a wrong integration', 'A Lambda must return { statusCode, headers, body } with the body as a string.'],
  [/^50[34] (?:Endpoint request timed.?out|Service Unavailable)/i, 'upstream_timeout', 'what is behind API Gateway did not answer in time (29 or 30 s)', 'Make it quicker, or let it answer at once and work on behind.'],
  [/^403 Missing Authentication Token/i, 'route_not_found', 'API Gateway has no such path, method or stage: that is what it calls a missing token', 'Check the path with its stage, and the method.'],
  [/^404 Not Found/i, 'route_not_found', 'API Gateway has no such route'],
  [/^403 Forbidden/i, 'request_rejected', 'API Gateway refuses the call: no API key, a policy, its firewall, or a name that leads to no API'],
  [/^429/, 'upstream_rate_limited', 'the throttle or the quota of API Gateway refuses the call'],
  [/^400 Invalid request body/i, 'request_invalid', 'the body does not match the model of API Gateway'],
  [/^413/, 'content_too_large', 'the body is over the 10 MB of API Gateway'],
]

/** What LiteLLM calls its errors, and so what happened between it and the provider. */
// prettier-ignore
const LITELLM: Rows = [
  [/No deployments available|No healthy deployment/i, 'circuit_open', 'LiteLLM has put all deployments of the model on cooldown after failures', 'Its log has the failures that led to it.'],
  [/AuthenticationError: \w+Exception|PermissionDeniedError: \w+Exception/, 'gateway_misconfigured', 'the provider does not accept the key that LiteLLM has for it'],
  [/RateLimitError/, 'upstream_rate_limited', 'the provider behind LiteLLM limits the rate of requests'],
  [/Timeout/, 'upstream_timeout', 'the provider behind LiteLLM did not answer in time'],
  [/APIConnectionError/, 'upstream_connection_lost', 'LiteLLM has lost, or never had, a connection to the provider'],
  [/ServiceUnavailableError/, 'upstream_overloaded', 'the provider behind LiteLLM is overloaded'],
  [/InternalServerError|APIError/, 'upstream_error', 'the provider behind LiteLLM failed'],
  [/ContextWindowExceeded|ContentPolicyViolation|BadRequestError|NotFoundError/, 'request_rejected', 'the provider behind LiteLLM refuses the request'],
]

const messageOf = ({ error, text }: Seen): string => error?.message ?? text

const isApiGateway = ({ field }: Seen): boolean =>
  field('x-amz-apigw-id') + field('apigw-requestid') + field('x-amzn-errortype') !== ''

/** Its own answers have an error type, or a message alone; those of a Lambda have neither of its names. */
function apiGatewayWrote(seen: Seen): boolean {
  const { status, field } = seen
  if (status < 400) return lambdaError(seen) !== undefined
  if (field('x-amzn-errortype') !== '') return true
  return isApiGateway(seen) && meaningIn(API_GATEWAY, `${status} ${messageOf(seen)}`) !== undefined
}

/** The error of a function, which an integration without a mapping passes on as a good answer. */
function lambdaError({ status, text }: Seen): Meaning | undefined {
  if (status !== 200) return undefined
  if (/^\s*\{\s*"(?:errorMessage|errorType)"/.test(text))
    return {
      code: 'upstream_error',
      text: 'the Lambda failed, and API Gateway passes its error on with the status 200',
      fix: 'Use the proxy integration, or map the error to a status.',
    }
  if (/^\s*\{(?:\s*"(?:isBase64Encoded|headers)"[^]*?,)?\s*"statusCode"\s*:\s*\d+/.test(text))
    return {
      code: 'upstream_response_invalid',
      text: 'the body is the whole response of the Lambda: API Gateway did not take it apart',
      fix: 'Switch the integration to Lambda proxy.',
    }
  return undefined
}

const CODES_OF_QUOTA = new Set(['insufficient_quota', 'credit_balance_exhausted'])

/** A quota that is used up stays so, however long one waits. */
function providerMeans(name: string): (seen: Seen) => Meaning | undefined {
  return ({ status, error }) => {
    if (CODES_OF_QUOTA.has(error?.said ?? ''))
      return {
        code: 'upstream_rate_limited',
        text: `the quota or the credit at ${name} is used up: waiting does not help`,
        fix: 'Look at the billing of the account.',
        retryable: false,
      }
    const code: Code | undefined = status === 529 ? 'upstream_overloaded' : error?.code
    return code === undefined ? undefined : { code, text: `${name} says: ${error?.said ?? status}` }
  }
}

/** Gateways of an interface of their own, and the interfaces behind them. */
export const APIS: readonly Mark[] = [
  {
    name: 'Amazon API Gateway',
    role: 'gateway',
    passed: isApiGateway,
    wrote: apiGatewayWrote,
    means: (seen) =>
      lambdaError(seen) ?? meaningIn(API_GATEWAY, `${seen.status} ${messageOf(seen)}`),
    logs: 'the execution log of API Gateway in CloudWatch, which must be switched on',
  },
  {
    name: 'LiteLLM',
    role: 'gateway',
    passed: ({ field }) =>
      ['x-litellm-call-id', 'x-litellm-version', 'x-litellm-model-id'].some(
        (name) => field(name) !== '',
      ),
    wrote: ({ status, error }) =>
      status >= 400 && /\blitellm\.|No deployments available|No healthy/.test(error?.message ?? ''),
    means: ({ error }) => meaningIn(LITELLM, error?.message ?? ''),
    logs: 'the log of LiteLLM, by x-litellm-call-id',
  },
  {
    name: 'OpenAI',
    role: 'origin',
    passed: ({ field }) =>
      ['openai-processing-ms', 'openai-organization', 'openai-version'].some(
        (name) => field(name) !== '',
      ),
    wrote: ({ error }) => error?.format === 'the format of OpenAI' && !error.ours,
    means: providerMeans('OpenAI'),
    logs: 'the dashboard and the status page of OpenAI',
  },
  {
    name: 'Anthropic',
    role: 'origin',
    passed: ({ field }) =>
      field('anthropic-organization-id') !== '' || field('request-id').startsWith('req_'),
    wrote: ({ error }) => error?.format === 'the format of Anthropic' && !error.ours,
    means: providerMeans('Anthropic'),
    logs: 'the console and the status page of Anthropic',
  },
]
