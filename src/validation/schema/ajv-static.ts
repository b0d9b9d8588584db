import { _, Ajv, str } from 'ajv'
import { Ajv2019 } from 'ajv/dist/2019.js'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formatsOfAjv from 'ajv-formats'
import type * as lazy from './ajv-lazy.js'

// The same as ajv-lazy.ts, for bundlers.
export const draft07: typeof lazy.draft07 = () => ({ _, Ajv, str })
export const draft2019: typeof lazy.draft2019 = () => ({ Ajv2019 })
export const draft2020: typeof lazy.draft2020 = () => ({ Ajv2020 })
export const formats: typeof lazy.formats = () => formatsOfAjv
