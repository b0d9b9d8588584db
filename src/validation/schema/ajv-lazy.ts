import { createRequire } from 'node:module'
import type formatsOfAjv from 'ajv-formats'

// ajv has a hundred files. Whoever mounts no schema should not wait for them, and mounting is
// synchronous, so they are loaded by `require`. Bundlers cannot follow that: by the condition
// "module" in package.json they take `ajv-static.ts` instead.
const require = createRequire(import.meta.url)

type Named<Module, Name extends keyof Module> = Pick<Module, Name>

/** Ajv for draft-07, and its tags for templates of code. */
export const draft07 = (): Named<typeof import('ajv'), 'Ajv' | '_' | 'str'> => require('ajv')
/** Ajv for draft 2019-09. */
export const draft2019 = (): Named<typeof import('ajv/dist/2019.js'), 'Ajv2019'> =>
  require('ajv/dist/2019.js')
/** Ajv for draft 2020-12. */
export const draft2020 = (): Named<typeof import('ajv/dist/2020.js'), 'Ajv2020'> =>
  require('ajv/dist/2020.js')
/** The plugin with the formats. */
export const formats = (): typeof formatsOfAjv => require('ajv-formats')
