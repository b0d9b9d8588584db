import { withoutStack } from '../../errors/gateway-error.js'
import type { Exchange } from '../../exchange/exchange.js'
import type { Step } from '../../exchange/step.js'
import type { Operation } from './operations.js'
import { valuesIn } from './paths.js'

/** One route of a document. */
export interface OpenApiRoute {
  readonly key: string
  readonly step: Step
}

/** One operation at one of its keys. */
interface Candidate extends OpenApiRoute {
  readonly operation: Operation
  /** What the key calls its parameters, in their order. */
  readonly names: readonly string[]
}

/**
 * The routes of operations with their steps. A table of routes cannot tell `{base}...{head}` from
 * `{basehead}`: such operations share a route, and the form of a request's path chooses.
 */
export function routesOf(
  steps: readonly { readonly operation: Operation; readonly step: Step }[],
  otherwise: 'pass' | 'refuse',
): OpenApiRoute[] {
  const groups = new Map<string, Candidate[]>()
  for (const { operation, step } of steps)
    for (const key of operation.keys) {
      const pattern = key.replace(/:[\w$]+/g, ':')
      const names = [...key.matchAll(/:([\w$]+)/g)].map(([, name = '']) => name)
      groups.set(pattern, [...(groups.get(pattern) ?? []), { operation, key, names, step }])
    }
  return [...groups.values()].flatMap((group) => routesOfGroup(group, otherwise))
}

function routesOfGroup(group: readonly Candidate[], otherwise: 'pass' | 'refuse'): OpenApiRoute[] {
  const plain = group.filter(({ operation }) => operation.segments.size === 0)
  const formed = group.filter(({ operation }) => operation.segments.size > 0)
  const [first] = formed
  // Several that take any text are a mistake of the document, which the table will name.
  if (first === undefined || plain.length > 1) return [...group]
  return [{ key: first.key, step: chooser([...formed, ...plain], otherwise) }]
}

function chooser(candidates: readonly Candidate[], otherwise: 'pass' | 'refuse'): Step {
  return function validate(exchange, next) {
    const texts = Object.values(exchange.params)
    for (const candidate of candidates) {
      const params = paramsOf(candidate, texts)
      if (params === undefined) continue
      exchange.params = params
      return candidate.step(exchange, next)
    }
    if (otherwise === 'refuse') throw withoutStack('route_not_found')
    return next()
  }
}

/** The parameters by the names of the document; undefined when a segment has not its form. */
function paramsOf(
  { operation: { segments }, names }: Candidate,
  texts: readonly string[],
): Exchange['params'] | undefined {
  const params: [string, string][] = []
  for (const [at, name] of names.entries()) {
    const text = texts[at] ?? ''
    const segment = segments.get(name)
    const values = segment ? valuesIn(text, segment) : [text]
    if (values === undefined) return undefined
    values.forEach((value, index) => params.push([segment?.names[index] ?? name, value]))
  }
  return Object.fromEntries(params)
}
