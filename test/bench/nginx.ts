// nginx as a gateway: one process that serves, and nothing that it need not do.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { listen } from './listen.js'

/** A server that was started. */
export interface Nginx {
  readonly url: string
  /** The worker, which does all the work. */
  readonly pid: number
  stop(): Promise<void>
}

/** The version that is installed, or nothing. */
export function nginxVersion(): string | undefined {
  return spawnSync('nginx', ['-v'], { encoding: 'utf8' }).stderr?.split('/')[1]?.trim()
}

/** Starts nginx before an upstream. */
export async function startNginx(target: string): Promise<Nginx> {
  const folder = mkdtempSync(join(tmpdir(), 'good-gateway-bench-'))
  const port = await freePort()
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, settings(folder, port, new URL(target).host))
  const child = spawn('nginx', ['-p', folder, '-c', file], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const exited = once(child, 'exit')
  const pid = await workerOf(child)
  return {
    url: `http://127.0.0.1:${port}`,
    pid,
    async stop() {
      child.kill()
      await exited
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const settings = (folder: string, port: number, upstream: string) => `
  ${process.getuid?.() === 0 ? 'user root;' : ''}
  daemon off;
  worker_processes 1;
  pid ${folder}/pid;
  error_log stderr crit;
  events {}
  http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `${name}_temp_path ${folder}/${name};`)
      .join('\n    ')}
    keepalive_requests 1000000000;
    upstream things {
      server ${upstream};
      keepalive 64;
      keepalive_requests 1000000000;
    }
    server {
      listen 127.0.0.1:${port};
      location / {
        proxy_pass http://things;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
      }
    }
  }
`

/** A port that is free now: nginx cannot be told to take any. */
async function freePort(): Promise<number> {
  const server = createServer()
  const { port } = new URL(await listen(server))
  server.close()
  await once(server, 'close')
  return Number(port)
}

/** The process that serves: it is started when the port is open. */
async function workerOf(child: ChildProcess): Promise<number> {
  const { pid } = child
  for (let tries = 0; tries < 500; tries += 1) {
    const [worker] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ')
    if (worker) return Number(worker)
    await setTimeout(10)
  }
  child.kill()
  throw new Error('nginx does not start')
}
