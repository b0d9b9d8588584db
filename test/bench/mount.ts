// What it costs to mount many routes with schemas, in fresh processes.
import type { Launch } from './child.js'
import type { Comparison } from './comparison.js'

/** Compares the routes with ajv alone that compiles the same schemas. */
export async function compareMounts(times: number, launch: Launch): Promise<Comparison[]> {
  const comparison = {
    what: '`routes` and `validate`, 1,000 routes with two schemas each',
    against: 'ajv compiling the same schemas',
    limit: { ratio: 1.3 },
    measured: [] as number[],
    reference: [] as number[],
  }
  for (let time = 0; time < times; time += 1) {
    comparison.reference.push(await cpuOf('ajv', launch))
    comparison.measured.push(await cpuOf('routes', launch))
  }
  return [comparison]
}

async function cpuOf(question: string, launch: Launch): Promise<number> {
  const child = launch('mounting.ts')
  const cpu = await child.ask<number>(question)
  child.stop()
  return cpu
}
