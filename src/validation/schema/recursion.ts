import { segmentsIn, valueAt } from '../../content/pointer.js'
import { isSchemaObject, referencesOf, type SchemaObject } from './references.js'
import { shapeOf } from '../issues/shape.js'

/**
 * Tells the unions of a document of which several branches for one type lead back to them: on each
 * level of a value ajv goes into all of these branches.
 */
export function branchingOf(root: SchemaObject): (schema: SchemaObject) => boolean {
  const follow = referencesOf([root])
  let inOneCircle: ((a: object, b: object) => boolean) | undefined
  const overlap = (a: SchemaObject, b: SchemaObject): boolean => {
    const [types, others] = [shapeOf(a, follow).types, shapeOf(b, follow).types]
    return !types || !others || [...types].some((type) => others.has(type))
  }
  return (schema) => {
    const unions = [schema['oneOf'], schema['anyOf']].filter(Array.isArray)
    const branches = unions.flat().filter(isSchemaObject)
    if (branches.length < 2) return false
    inOneCircle ??= circlesOf(root)
    const back = branches.filter((branch) => inOneCircle?.(branch, schema))
    return back.some((branch, at) => back.slice(at + 1).some((other) => overlap(branch, other)))
  }
}

/** One object of a schema on the way through all of them. */
interface Visit {
  readonly node: object
  readonly order: number
  /** The earliest object on the way that can be reached from here. */
  low: number
  readonly inner: readonly object[]
  next: number
}

/**
 * Tells whether two objects of a schema lead to each other, through members and references inside of
 * the document: whether they are in the same circle (Tarjan's strongly connected components).
 */
function circlesOf(root: SchemaObject): (a: object, b: object) => boolean {
  const circles = new Map<object, number>()
  const orders = new Map<object, number>()
  const open: object[] = []
  const way: Visit[] = []
  const enter = (node: object): void => {
    const visit = {
      node,
      order: orders.size,
      low: orders.size,
      inner: innerOf(node, root),
      next: 0,
    }
    orders.set(node, visit.order)
    open.push(node)
    way.push(visit)
  }
  enter(root)
  for (let visit = way.at(-1); visit !== undefined; visit = way.at(-1)) {
    const inner = visit.inner[visit.next++]
    if (inner === undefined) leave(visit)
    else if (!orders.has(inner)) enter(inner)
    else if (!circles.has(inner)) visit.low = Math.min(visit.low, orders.get(inner) ?? 0)
  }
  return (a, b) => circles.get(a) === circles.get(b)

  function leave({ node, order, low }: Visit): void {
    way.pop()
    const before = way.at(-1)
    if (before) before.low = Math.min(before.low, low)
    if (low !== order) return
    for (const member of open.splice(open.lastIndexOf(node))) circles.set(member, order)
  }
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null

function innerOf(node: object, root: SchemaObject): readonly object[] {
  const ref: unknown = isSchemaObject(node) ? node['$ref'] : undefined
  return [...Object.values(node), typeof ref === 'string' && targetOf(ref, root)].filter(isObject)
}

function targetOf(ref: string, root: SchemaObject): unknown {
  const [uri = '', fragment = ''] = ref.split('#')
  if (uri !== '' && uri !== root['$id']) return undefined
  return fragment === '' || fragment.startsWith('/')
    ? valueAt(root, segmentsIn(fragment))
    : undefined
}
