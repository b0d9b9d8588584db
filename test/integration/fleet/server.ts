import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** Whether a program of the system is there. */
export const isThere = (program: string): boolean =>
  spawnSync(program, ['--version']).error === undefined

/** Skips the tests of a suite where a program is missing, and says so. */
export function skipWithout(suite: Mocha.Context, program: string): void {
  if (isThere(program)) return
  console.log(`      skipped: ${program} is not installed`)
  suite.skip()
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A server of Redis or Valkey on a port of its own, without any data on the disk. */
export class Server {
  readonly port: number
  readonly #program: string
  readonly #options: readonly string[]
  readonly #folder = mkdtempSync(join(tmpdir(), 'good-gateway-redis-'))
  #process: ChildProcess | undefined
  admin: Redis

  private constructor(program: string, port: number, options: readonly string[]) {
    this.#program = program
    this.port = port
    this.#options = options
    this.admin = this.#connected()
  }

  static async start(program = 'redis-server', ...options: readonly string[]): Promise<Server> {
    const server = new Server(program, await freePort(), options)
    await server.start()
    return server
  }

  #connected(): Redis {
    const admin = new Redis({ port: this.port, lazyConnect: true, retryStrategy: () => 20 })
    admin.on('error', () => {})
    return admin
  }

  async start(): Promise<void> {
    const given = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', '', '--dir']
    this.#process = spawn(this.#program, [...given, this.#folder, ...this.#options], {
      stdio: 'ignore',
    })
    await this.admin.ping()
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name)
  }

  /** Ends it without a word, with all its data. */
  async kill(): Promise<void> {
    const ended = this.#process && once(this.#process, 'exit')
    this.signal('SIGKILL')
    await ended
  }

  async stop(): Promise<void> {
    this.admin.disconnect()
    await this.kill()
    rmSync(this.#folder, { recursive: true })
  }

  /** How often a command was run. */
  async calls(command: string): Promise<number> {
    const stats = await this.admin.info('commandstats')
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
  }

  async row(fleet: string, id = 'orders'): Promise<Record<string, unknown> | undefined> {
    const text = await this.admin.hget(`good-gateway:1:{${fleet}}:circuits`, id)
    return text === null ? undefined : (JSON.parse(text) as Record<string, unknown>)
  }
}

/** Three servers that make a cluster. */
export async function startCluster(): Promise<Server[]> {
  const servers = await Promise.all(
    [1, 2, 3].map(() => Server.start('redis-server', '--cluster-enabled', 'yes')),
  )
  const nodes = servers.map(({ port }) => `127.0.0.1:${port}`)
  execFileSync('redis-cli', ['--cluster', 'create', ...nodes, '--cluster-yes'], { stdio: 'ignore' })
  for (const { admin } of servers)
    while (!(await admin.call('CLUSTER', 'INFO'))?.toString().includes('cluster_state:ok'))
      await admin.ping()
  return servers
}
