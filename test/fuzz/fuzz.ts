// Sends random requests through guarded gateways, and random answers of upstreams; nothing may end
// the process, stay open or be lost. `npm run fuzz [count] [seed] [gateway]`; 5,000 each by default.
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { fuzzed } from './gateways.js'
import { fuzz } from './run.js'

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [count = '5000', seed = '1', only = ''] = process.argv.slice(2)
  for (const gateway of fuzzed.filter(({ name }) => name.includes(only)))
    for (const kind of ['requests', 'answers'] as const) {
      const faults = await fuzz(gateway, kind, Number(seed), Number(count))
      for (const fault of faults) console.error(fault)
      console.log(`${gateway.name}: ${count} ${kind}, ${faults.length} faults`)
      if (faults.length > 0) process.exitCode = 1
    }
}
