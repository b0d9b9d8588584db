type Fields = Readonly<Record<string, unknown>>

/** Why Amazon's gateways make up an answer of their own, by its status. */
const API_GATEWAY: Readonly<Record<number, string>> = {
  429: 'the limit of its stage or of the account was reached',
  500: 'its authorizer or its configuration failed',
  502: 'its integration failed or gave no answer of the right form; a Lambda function returns { statusCode, headers, body }',
  503: 'its integration could not be reached',
  504: 'its integration took longer than the integration timeout, 29 s where nobody has raised it',
}
const LOAD_BALANCER: Readonly<Record<number, string>> = {
  500: 'it failed itself, or could not ask the identity provider',
  502: 'the target closed the connection or gave no answer of the right form; its keep-alive timeout must be longer than the idle timeout of the load balancer',
  503: 'it has no target that is registered and healthy',
  504: 'the target did not answer within the idle timeout of the load balancer, 60 s where nobody has changed it',
}

/**
 * Explains an error that API Gateway or a load balancer of Amazon has answered by itself, for the
 * log; undefined for every other answer.
 */
export function explainAmazon(status: number, fields: Fields): Error | undefined {
  const isLoadBalancer = /^awselb\b/.test(String(fields['server'] ?? ''))
  if (isLoadBalancer) return explained('An Amazon load balancer', status, LOAD_BALANCER)
  const isApiGateway =
    fields['x-amzn-errortype'] !== undefined ||
    fields['x-amz-apigw-id'] !== undefined ||
    fields['apigw-requestid'] !== undefined
  return isApiGateway ? explained('Amazon API Gateway', status, API_GATEWAY) : undefined
}

function explained(
  who: string,
  status: number,
  reasons: Readonly<Record<number, string>>,
): Error | undefined {
  const reason = reasons[status]
  return reason === undefined ? undefined : new Error(`${who} answered ${status}: ${reason}.`)
}
