import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Actions, State } from './process.js'

type Argument<Name extends keyof Actions> = Parameters<Actions[Name]>[0]
type Result<Name extends keyof Actions> = Awaited<ReturnType<Actions[Name]>>

/** A process of its own, by what it can do. */
export class Gateway {
  readonly child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #asked = 0

  constructor() {
    this.child = fork(join(import.meta.dirname, 'process.ts'), { execArgv: ['--import', 'tsx'] })
    this.child.on('message', ({ id, result, error }: Answer) => {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(result)
      else waiting?.reject(new Error(error))
    })
  }

  async ask<Name extends keyof Actions>(
    name: Name,
    argument?: Argument<Name>,
  ): Promise<Result<Name>> {
    const id = ++this.#asked
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
    })
    this.child.send({ id, name, argument })
    return (await answer) as Result<Name>
  }

  /** Waits until its state is so; mocha's timeout bounds it. */
  async until(isSo: (state: State) => boolean): Promise<State> {
    for (;;) {
      const state = await this.ask('state')
      if (isSo(state)) return state
      await sleep(10)
    }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const ended = once(this.child, 'exit')
    this.child.kill(signal)
    await ended
  }
}

interface Waiting {
  resolve(result: unknown): void
  reject(error: Error): void
}
interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}
