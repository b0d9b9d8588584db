// A program of the benchmark in a process of its own, which answers questions over IPC.
import { fork } from 'node:child_process'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/** A process that was started. */
export interface Child {
  readonly pid: number
  /** Sends a question and waits for its answer, whose type the asker knows. */
  ask<T>(question: string, payload?: unknown): Promise<T>
  stop(): void
}

/** How a process answers, by the name of the question. */
export type Answers = Record<string, (payload: never) => unknown>

interface Reply {
  readonly value?: unknown
  readonly error?: string
}

/** Starts a file of this folder. */
export type Launch = (file: string) => Child

/**
 * Flags of all processes. The new space has its full size from the start: else some processes grow it
 * late, collect five times as often until then, and cost 1.5 times as much as their equals.
 */
const FLAGS = [
  '--min-semi-space-size=16',
  '--max-semi-space-size=16',
  '--no-deprecation',
  '--expose-gc',
]

/** Lends a way to start processes, and stops them all at the end, also after an error. */
export async function withChildren<T>(use: (launch: Launch) => Promise<T>): Promise<T> {
  const children: Child[] = []
  const launch: Launch = (file) => {
    const child = start(file)
    children.push(child)
    return child
  }
  try {
    return await use(launch)
  } finally {
    for (const child of children) child.stop()
  }
}

function start(file: string): Child {
  const path = fileURLToPath(new URL(file, import.meta.url))
  const child = fork(path, { execArgv: [...process.execArgv, ...FLAGS] })
  return {
    pid: child.pid ?? NaN,
    ask: <T>(question: string, payload?: unknown) =>
      new Promise<T>((resolve, reject) => {
        const ended = () => reject(new Error(`${file} ended before it answered "${question}"`))
        child.once('exit', ended)
        child.once('message', ({ value, error }: Reply) => {
          child.off('exit', ended)
          if (error === undefined) resolve(value as T)
          else reject(new Error(error))
        })
        child.send({ question, payload })
      }),
    stop: () => void child.kill('SIGKILL'),
  }
}

/** Answers the questions of the process that has started this one, and ends with it. */
export function answer(answers: Answers): void {
  const send = (reply: Reply) => process.send?.(reply)
  process.on('message', ({ question, payload }: { question: string; payload: never }) => {
    Promise.resolve()
      .then(() => answers[question]?.(payload))
      .then(
        (value) => send({ value }),
        (error: unknown) => send({ error: textOf(error) }),
      )
  })
  process.once('disconnect', () => process.exit())
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
