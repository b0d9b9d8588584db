import { createRequire } from 'node:module'

// Like ajv-lazy.ts: most documents are objects, or JSON.
const require = createRequire(import.meta.url)

/** The package yaml, loaded when it is needed. */
export const yaml = (): Pick<typeof import('yaml'), 'parse'> => require('yaml')
