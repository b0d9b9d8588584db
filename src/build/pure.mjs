// `"sideEffects": false` in package.json tells bundlers that a file of ours may be left out when nothing
// of it is used. In a file that many sources share, each constant has to say so itself.
import { parse } from 'acorn'

const PURE = '/* @__PURE__ */ '

/** Marks the constants of a program that a bundler would otherwise keep, as their making might do something. */
export function markPure(code) {
  const { body } = parse(code, { ecmaVersion: 'latest', sourceType: 'module' })
  const values = body
    .filter(({ type }) => type === 'VariableDeclaration')
    .flatMap(({ declarations }) => declarations)
    .filter(({ id, init }) => id.type === 'Identifier' && init && !isPlain(init))
    .map(({ init }) => init)
    .filter(({ start }) => !code.slice(0, start).endsWith(PURE))
  const pieces = []
  let at = 0
  for (const value of values) {
    const text = code.slice(value.start, value.end)
    pieces.push(
      code.slice(at, value.start),
      PURE,
      isSimpleCall(value) ? text : `(() => (${text}))()`,
    )
    at = value.end
  }
  return pieces.join('') + code.slice(at)
}

const isSimpleCall = ({ type, callee, arguments: given }) =>
  /^(?:Call|New)Expression$/.test(type) && callee.type === 'Identifier' && given.every(isPlain)

/** Whether every bundler sees that nothing happens when the value is made. */
function isPlain(node) {
  switch (node?.type) {
    case 'Literal':
    case 'Identifier':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
    // In a function it would have no name.
    case 'ClassExpression':
      return true
    case 'UnaryExpression':
      return isPlain(node.argument)
    case 'TemplateLiteral':
      return node.expressions.length === 0
    case 'ArrayExpression':
      return node.elements.every(isPlain)
    case 'ObjectExpression':
      return node.properties.every(
        ({ type, computed, value }) => type === 'Property' && !computed && isPlain(value),
      )
    case 'BinaryExpression':
      return [node.left, node.right].every(isNumber)
    default:
      return false
  }
}

const isNumber = (node) =>
  node.type === 'Literal' || (node.type === 'BinaryExpression' && isPlain(node))
