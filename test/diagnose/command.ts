import { execFile } from 'node:child_process'
import { join } from 'node:path'

const PROGRAM = join(import.meta.dirname, '../../dist/bin/good-gateway.js')

/** What a run of the command has left. */
export interface Run {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** One finding of the report. */
interface Found {
  readonly level: string
  readonly text: string
  readonly code?: string
}

/** The report as `--json` prints it, as far as tests look at it. */
export interface Report {
  readonly healthy: boolean
  readonly code: string | null
  readonly cause: string | null
  readonly sentence: string
  readonly retryable: boolean | null
  readonly retry_after: number | null
  readonly next: readonly string[]
  readonly questions: Readonly<Record<'up' | 'right' | 'limit' | 'logs' | 'ask', string>>
  readonly redirections: readonly { readonly status: number; readonly to: string }[]
  readonly steps: readonly {
    readonly step: string
    readonly state: string
    readonly findings: readonly Found[]
    readonly facts: Readonly<Record<string, unknown>>
  }[]
}

/** Nothing of the machine that runs the tests, such as a proxy. */
const ENV = { PATH: process.env['PATH'] }

/** Runs the real command, as its users do. */
export function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  input = '',
): Promise<Run> {
  return new Promise((resolve) => {
    const options = { env: { ...ENV, ...env } }
    const child = execFile(
      process.execPath,
      [PROGRAM, ...args],
      options,
      (error, stdout, stderr) => {
        resolve({ status: error === null ? 0 : Number(error.code ?? -1), stdout, stderr })
      },
    )
    child.stdin?.end(input)
  })
}

/** Diagnoses by the real command; short waits, since all is on this machine. */
export async function diagnosed(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Report & { readonly exit: number }> {
  const short = ['--timeout', '1', '--idle', '0']
  const { status, stdout, stderr } = await run(['diagnose', ...short, '--json', ...args], env)
  if (stdout === '') throw new Error(stderr)
  return { ...(JSON.parse(stdout) as Report), exit: status }
}

/** The findings of a step, a line each, with the mark of the text report. */
export function found({ steps }: Report, name: string): string {
  const { findings = [] } = steps.find(({ step }) => step === name) ?? {}
  return findings.map(({ level, text }) => `${level}: ${text}`).join('\n')
}
