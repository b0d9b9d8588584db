import { createRequire } from 'node:module'
import type { Dispatching } from './dispatching.js'

// Only the file of the agent, and by `require`, for `forward` is mounted synchronously: the index of
// undici has four times as much, and makes itself the dispatcher of the process's own `fetch`.
// Bundlers cannot follow that: by the condition "module" in package.json they take `agent-static.ts`.
const require = createRequire(import.meta.url)

/** Makes an agent of undici. */
export function makeAgent(options: object): Required<Dispatching> {
  const Agent = require('undici/lib/dispatcher/agent.js') as new (
    options: object,
  ) => Required<Dispatching>
  return new Agent(options)
}
