// Preloaded, makes every import of opossum one of its next major version.
import { register } from 'node:module'

const hook = `export const resolve = (name, context, next) =>
  next(name === 'opossum' ? 'opossum10' : name, context)`
register(`data:text/javascript,${encodeURIComponent(hook)}`)
