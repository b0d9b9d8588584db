import { type Exchange, GatewayError, type Transform, type Transformer } from 'good-gateway'

/** The model of the other provider that stands for one. */
export type StandIns = Readonly<Record<string, string>>

export const CLAUDE_FOR: StandIns = {
  'gpt-5': 'claude-opus-4-5',
  'gpt-5-mini': 'claude-haiku-4-5',
}
export const GPT_FOR: StandIns = Object.fromEntries(
  Object.entries(CLAUDE_FOR).map(([gpt, claude]) => [claude, gpt]),
)

interface Named {
  readonly model: string
}

/** A provider that is asked in place of another one, with a model that stands for the one asked for. */
export function standIn(
  standIns: StandIns,
  translator?: (exchange: Exchange) => Transformer,
): Transform {
  return (exchange) => {
    const transformer = translator?.(exchange) ?? renamed(standIns)
    return {
      ...transformer,
      request(request) {
        const { model } = request.json() as Named
        // The failure of the provider that was asked before is the answer then.
        if (!Object.hasOwn(standIns, model)) throw new GatewayError('request_unsupported')
        return transformer.request?.(request)
      },
    }
  }
}

/** Asks for another model in the same API, and puts the name back that was asked for. */
function renamed(standIns: StandIns): Transformer {
  let asked = ''
  const withName = (data: unknown): unknown => {
    if (typeof data !== 'object' || data === null) return data
    if ('model' in data) return { ...data, model: asked }
    return 'message' in data ? { ...data, message: withName(data.message) } : data
  }
  return {
    request(request) {
      const body = request.json() as Named
      asked = body.model
      return { body: { ...body, model: standIns[asked] } }
    },
    response: (response) => ({ body: withName(response.json()) }),
    events: () => ({
      push: (event) =>
        event.data.startsWith('{')
          ? [{ ...event, data: JSON.stringify(withName(JSON.parse(event.data))) }]
          : [event],
      end: () => [],
    }),
  }
}
