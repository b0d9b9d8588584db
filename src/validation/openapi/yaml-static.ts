import { parse } from 'yaml'
import type * as lazy from './yaml-lazy.js'

// The same as yaml-lazy.ts, for bundlers.
export const yaml: typeof lazy.yaml = () => ({ parse })
