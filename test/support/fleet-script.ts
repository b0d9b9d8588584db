/** What the script of the fleet does, in TypeScript: `test/integration/fleet/script.test.ts` compares them. */

const KEPT = 600_000
const AHEAD = 60_000
const LONGEST_ROW = 1000
const MOST_ROWS = 10_000

interface Row {
  /** What it is to be from now on. */
  readonly again?: string
  readonly gen: number
  readonly ends: number
  readonly state: unknown
}

/** The data of a store. */
export class Data {
  rows = new Map<string, string>()
  readonly leases = new Map<string, { holder: string; until: number }>()
}

/** One run of the script; `publish` gets what it sends. */
export interface Run {
  readonly data: Data
  readonly keys: readonly string[]
  readonly args: readonly string[]
  readonly now: number
  readonly publish: (message: string) => void
}

export function runScript(run: Run): (string | number)[] {
  const { args, now } = run
  const [action = '', deadline = '', , member = '', id = ''] = args
  const stamp = String(now)
  if (deadline !== '' && now > Number(deadline)) return ['late', stamp]
  if (action === 'join' || action === 'sync') return sync(run, stamp)
  if (action === 'free') return free(run, member, stamp)
  const text = run.data.rows.get(id)
  return action === 'lease'
    ? lease(run, member, stamp, text)
    : tell(run, { id, member, stamp, text })
}

function read(text: string | undefined, now: number): Row | undefined {
  if (text === undefined || text.length > LONGEST_ROW) return undefined
  try {
    const row = JSON.parse(text) as Record<string, unknown> | null
    if (typeof row !== 'object' || row?.v !== 1) return undefined
    const { gen, ends, state } = row
    if (typeof gen !== 'number' || typeof ends !== 'number') return undefined
    if (gen <= now + AHEAD) return { gen, ends, state }
    if (state !== 'held') return undefined
    return { gen: now, ends, state, again: JSON.stringify({ ...row, gen: now }) }
  } catch {
    return undefined
  }
}

function sync({ data, now }: Run, stamp: string): string[] {
  const epoch = data.rows.get('#') ?? stamp
  data.rows.set('#', epoch)
  const reply = ['ok', stamp, epoch]
  for (const [id, text] of data.rows) {
    if (id === '#') continue
    const row = read(text, now)
    const isKept = reply.length < MOST_ROWS + 3 && row && row.ends + KEPT > now
    const kept = row?.again ?? text
    if (isKept || row?.state === 'held') {
      data.rows.set(id, kept)
      reply.push(kept)
    } else data.rows.delete(id)
  }
  return reply
}

function holderOf({ data, keys, now }: Run) {
  const known = data.leases.get(keys[1] ?? '')
  return known && known.until >= now ? known : undefined
}

function free(run: Run, member: string, stamp: string): string[] {
  if (holderOf(run)?.holder === member) run.data.leases.delete(run.keys[1] ?? '')
  return ['ok', stamp]
}

function lease(run: Run, member: string, stamp: string, text: string | undefined) {
  const row = read(text, run.now)
  if (row && row.gen > Number(run.args[5])) return ['stale', stamp, text ?? '']
  const held = holderOf(run)
  if (held && held.holder !== member && held.until !== Infinity)
    return ['denied', stamp, held.until - run.now]
  run.data.leases.set(run.keys[1] ?? '', { holder: member, until: run.now + Number(run.args[6]) })
  return ['ok', stamp]
}

interface Telling {
  readonly id: string
  readonly member: string
  readonly stamp: string
  readonly text: string | undefined
}

function tell(run: Run, { id, member, stamp, text }: Telling): string[] {
  const { now, args, data } = run
  const [given = '', state = ''] = args.slice(5)
  const row = read(text, now)
  if (row && isStale(row, state, Number(given), now)) return ['stale', stamp, text ?? '']
  if (state === 'closed' && !row) return ['none', stamp]
  const seen = seenOf(Number(given), now)
  const [left = NaN, wait, inRow] = args.slice(7).map(Number)
  const written = JSON.stringify({
    v: 1,
    id,
    by: member,
    state: state === 'released' ? 'closed' : state,
    hand: isHand(state),
    gen: Math.max(now, seen + 1, (row?.gen ?? -1) + 1),
    ends: now + left,
    wait,
    inRow,
  })
  run.publish(written)
  data.rows.set(id, written)
  free(run, member, stamp)
  return ['ok', stamp, written]
}

const seenOf = (given: number, now: number): number => (given > now + AHEAD ? 0 : given)

const isHand = (state: string): boolean => state === 'held' || state === 'released'

function isStale(row: Row, state: string, seen: number, now: number): boolean {
  if (isHand(state)) return false
  const isOpen = row.state === 'open' && row.ends > now
  return row.state === 'held' || (row.gen > seen && (state === 'closed' || isOpen))
}
