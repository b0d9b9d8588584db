import Agent from 'undici/lib/dispatcher/agent.js'
import type * as lazy from './agent-lazy.js'

// The same as agent-lazy.ts, for bundlers.
export const makeAgent: typeof lazy.makeAgent = (options) => new Agent(options)
