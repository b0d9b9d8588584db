// Sends traffic through a gateway whose upstream fails at random, and checks that nothing hangs, leaks
// or is answered wrong. `npm run soak [seconds] [engine]`; 2 minutes by default, and http-proxy.
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { soak, summaryOf } from '../support/soak.js'

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const seconds = Number(process.argv[2] ?? 120)
  const engine = process.argv[3] === 'forward' ? 'forward' : 'http-proxy'
  const report = await soak(seconds * 1000, engine)
  for (const fault of report.faults) console.error(fault)
  console.log(summaryOf(report))
  process.exitCode = report.faults.length === 0 ? 0 : 1
}
