import type { Diagnosis } from './diagnose.js'
import type { Finding, StepReport } from './finding.js'
import { secretsOf, shownUrl, withoutSecrets } from './secrets.js'
import type { Question } from './questions.js'
import type { Verdict } from './verdict.js'
import type { ApiCall } from './call.js'

/** How a report looks. */
export interface Look {
  readonly colours: boolean
  /** Columns of the terminal. */
  readonly width: number
}

type Paint = (state: StepReport['state'], text: string) => string

/** Green, yellow, red and faint (ECMA-48, select graphic rendition). */
const STYLES = { ok: 32, warning: 33, fault: 31, skipped: 2 } as const
const MARKS: Readonly<Record<Finding['level'], string>> = { fault: 'x', warning: '!', note: '-' }

const QUESTIONS: Readonly<Record<Question, string>> = {
  up: '1 Is the server up?',
  right: '2 Is the call right?',
  limit: '3 Is there a rate limit?',
  logs: '4 What do the logs say?',
  ask: '5 Whom to ask?',
}
const STEP_WIDTH = 12
const STATE_WIDTH = 9
const QUESTION_WIDTH = 26

/** The report for people. */
export function renderText(first: ApiCall, diagnosis: Diagnosis, look: Look): string {
  const paint: Paint = (state, text) =>
    look.colours ? `\u001b[${STYLES[state]}m${text}\u001b[0m` : text
  const shown = hidden(first, diagnosis)
  const lines = [
    `${first.method} ${shownUrl(first.url)}`,
    '',
    ...shown.steps.flatMap((step) => stepLines(step, look.width, paint)),
    '',
    ...verdictLines(shown.verdict, look.width, paint),
  ]
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}

/** The report for programs. */
export function renderJson(first: ApiCall, diagnosis: Diagnosis): string {
  const { redirections, steps, verdict } = hidden(first, diagnosis)
  const { healthy, code, cause, sentence, next, retryable, retryAfter, questions } = verdict
  const report = {
    method: first.method,
    url: shownUrl(first.url),
    healthy,
    code: code ?? null,
    cause: cause ?? null,
    sentence,
    retryable: retryable ?? null,
    retry_after: retryAfter ?? null,
    next,
    questions,
    redirections: redirections.map(({ status, to }) => ({ status, to })),
    steps,
  }
  return `${JSON.stringify(report, null, 2)}\n`
}

/** Without what the caller has given in confidence, wherever a server repeats it. */
function hidden(first: ApiCall, { call, ...rest }: Diagnosis): Omit<Diagnosis, 'call'> {
  return withoutSecrets(rest, [...secretsOf(first), ...secretsOf(call)])
}

function stepLines({ step, state, findings }: StepReport, width: number, paint: Paint): string[] {
  const head = step.padEnd(STEP_WIDTH) + paint(state, state.padEnd(STATE_WIDTH))
  const indent = STEP_WIDTH + STATE_WIDTH
  const lines = findings.flatMap(({ level, text }) => {
    const [first = '', ...more] = wrap(text, width - indent - 2)
    const mark = level === 'note' ? MARKS[level] : paint(level, MARKS[level])
    return [`${mark} ${first}`, ...more.map((line) => `  ${line}`)]
  })
  return (lines.length === 0 ? [''] : lines).map((line, index) =>
    index === 0 ? head + line : ' '.repeat(indent) + line,
  )
}

function verdictLines(verdict: Verdict, width: number, paint: Paint): string[] {
  const { healthy, code, cause, sentence, next, questions } = verdict
  const head = healthy
    ? paint('ok', 'healthy')
    : `${paint('fault', code ?? '')} (cause: ${cause}, ${retryOf(verdict)})`
  return [
    head,
    ...wrap(sentence, width),
    '',
    ...(Object.keys(QUESTIONS) as Question[]).flatMap((name) =>
      hanging(QUESTIONS[name].padEnd(QUESTION_WIDTH), questions[name], width),
    ),
    ...(next.length === 0 ? [] : ['', 'What to do next:']),
    ...next.flatMap((text) => hanging('- ', text, width)),
    ...(code === undefined ? [] : ['', `More: good-gateway diagnose --explain ${code}`]),
  ]
}

function retryOf({ retryable, retryAfter }: Verdict): string {
  if (retryable !== true) return 'not to be retried as it is'
  return retryAfter === undefined ? 'retryable' : `retryable after ${retryAfter} s`
}

function hanging(head: string, text: string, width: number): string[] {
  return wrap(text, width - head.length).map((line, index) =>
    index === 0 ? head + line : ' '.repeat(head.length) + line,
  )
}

/** Lines of words; a word that is too long has a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}
