import { connectionNames } from '../content/connection.js'
import { GatewayError, withoutStack } from '../errors/gateway-error.js'
import type { Exchange } from '../exchange/exchange.js'
import type { Settings } from './options.js'
import { type CheckedPairs, checkPairs, type PartPlan } from './pairs.js'
import { type ParameterPart, readers, splitters } from './parts.js'
import type { Place } from './schema/places.js'

/** Reads and checks one part of a request, or gives the reason to refuse it before its schema is asked. */
export function checkPart(
  exchange: Exchange,
  part: ParameterPart,
  plan: PartPlan,
  { lookalikes }: Pick<Settings, 'lookalikes'>,
): CheckedPairs | GatewayError {
  const raw = readers[part](exchange)
  if (GatewayError.is(raw)) return raw
  const dropped = refuseDropped(exchange, part, plan)
  if (dropped) return dropped
  // The names in a path are those of the table of routes.
  const names = lookalikes === 'pass' || part === 'params' ? undefined : part
  return checkPairs(raw, plan, { in: part, names, split: splitters[part] })
}

/** A proxy drops the fields that `Connection` lists (RFC 9110, section 7.6.1): they were checked in vain. */
function refuseDropped(
  { req }: Exchange,
  part: ParameterPart,
  { checker }: PartPlan,
): GatewayError | undefined {
  if (part !== 'headers' && part !== 'cookies') return undefined
  const dropped = connectionNames(req).filter((name) => isChecked(name, part, checker.place))
  if (dropped.length === 0) return undefined
  return withoutStack('request_malformed', {
    detail: 'The Connection field of the request lists a field that is needed behind the gateway.',
  })
}

const isChecked = (name: string, part: ParameterPart, place: Place | undefined): boolean =>
  part === 'cookies' ? name === 'cookie' : place?.names.has(name) === true
