import { type Code, codes } from '../errors/codes.js'
import type { Source } from './answer.js'
import { type ApiCall, hostOf } from './call.js'
import type { Finding, StepReport } from './finding.js'
import { limitInWords } from './limits.js'
import { timeIn } from './words.js'

/** What somebody who sees a 502 asks, in this order. */
export type Question = 'up' | 'right' | 'limit' | 'logs' | 'ask'

/** All that the steps have found. */
export interface Evidence {
  readonly call: ApiCall
  readonly steps: readonly StepReport[]
  readonly source: Source | undefined
  /** When the call was made: logs are searched by it. */
  readonly time: Date
}

/** Answers the five questions, as far as that can be done from here. */
export function answersTo(
  evidence: Evidence,
  main: Finding | undefined,
): Readonly<Record<Question, string>> {
  return {
    up: isUp(evidence),
    right: isRight(evidence, main),
    limit: limitOf(evidence),
    logs: logsOf(evidence, main),
    ask: askOf(evidence, main?.code),
  }
}

function isUp({ steps, source }: Evidence): string {
  const away = faultIn(steps, 'name', 'connection')
  const tls = faultIn(steps, 'tls')
  const broken = faultIn(steps, 'http')
  if (away && !away.partial) return `No: ${away.text}.`
  if (tls && !tls.partial) return `Something listens, but nobody can talk to it: ${tls.text}.`
  if (source === undefined)
    return `Something listens, but does not answer: ${broken?.text ?? 'nothing came'}.`
  const partly = away ?? tls
  return partly ? `Not everywhere: ${partly.text}.` : answers(source, broken)
}

function answers({ by, writer, status }: Source, broken: Finding | undefined): string {
  if (broken?.partial === true) return `Yes, but not every time: ${broken.text}.`
  if (broken !== undefined) return `It answers, but ${broken.text}.`
  if (status < 500) return 'Yes, it answers.'
  return by === 'gateway'
    ? `${writer} is up; what stands behind it is not, or not well.`
    : `It answers, and says with ${status} that it is not well.`
}

const faultIn = (steps: readonly StepReport[], ...names: readonly string[]): Finding | undefined =>
  steps
    .filter(({ step }) => names.includes(step))
    .flatMap(({ findings }) => findings)
    .toSorted((a, b) => Number(a.partial ?? false) - Number(b.partial ?? false))
    .find(({ level }) => level === 'fault')

function isRight({ source, steps }: Evidence, main: Finding | undefined): string {
  if (main?.code !== undefined && codes[main.code].about === 'client') return `No: ${main.text}.`
  const issue = faultIn(steps, 'payload')
  if (issue?.code?.startsWith('request_')) return `No: ${issue.text}.`
  if (source === undefined) return 'Not known: nothing has answered it.'
  return source.status >= 400 ? 'Nothing says that it is not.' : 'Yes, it was accepted.'
}

function limitOf({ source }: Evidence): string {
  if (source === undefined) return 'Not known: nothing has answered it.'
  const { limits, waitMs, status } = source
  const told = limits.map((limit) => ` ${limitInWords(limit)}.`).join('')
  const wait = waitMs === undefined ? '' : ` Wait ${timeIn(waitMs)}.`
  if (status === 429) return `Yes, and it is reached.${told}${wait}`
  if (limits.some(({ remaining }) => remaining === 0))
    return `Yes, and it is used up.${told}${wait}`
  return `${told === '' ? 'No field tells of one.' : `Yes.${told}`}${wait}`
}

function logsOf({ source, time, call }: Evidence, main: Finding | undefined): string {
  if (main === undefined) return 'There is nothing to look for.'
  const when = time.toISOString().replace(/\.\d+/, '')
  if (source === undefined)
    return `No gateway has answered: look into the logs of ${hostOf(call.url)}, for ${when}.`
  const id = idIn(source)
  const where = source.logs ?? `the logs of ${hostOf(call.url)}`
  return `Look into ${where}, for ${id === undefined ? when : `${id}, ${when}`}.`
}

const idIn = ({ ids: [first] }: Source): string | undefined => first && `${first[0]} ${first[1]}`

/** Who can do something about it. */
function askOf({ source, call }: Evidence, code: Code | undefined): string {
  if (code === undefined) return 'Nobody.'
  const { about, cause } = codes[code]
  const host = hostOf(call.url)
  if (source === undefined) {
    if (cause === 'dns') return `Those who run the DNS of ${host}.`
    const network = `the network between here and ${host}, then those who run `
    return `Those who run ${cause === 'network' ? network : ''}${host}.`
  }
  const id = idIn(source)
  const given = id === undefined ? '' : ` Give them ${id}.`
  const { by, writer } = source
  const who = by === 'unknown' ? host : `${writer}${by === 'gateway' ? ` at ${host}` : ''}`
  if (about === 'client')
    return `First yourself: the call must change. Then those who run ${who}.${given}`
  return `Those who run ${who}.${given}`
}
