import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { breakers } from 'good-gateway'
import { startFaults } from '../../docs/sample-proxy/faults.js'
import { createProxy } from '../../docs/sample-proxy/proxy.js'
import { listen } from '../support/servers.js'
import { run } from './command.js'
import { rawServer, reply } from './raw-server.js'

const root = join(import.meta.dirname, '../..')
const NGINX =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx/1.27.0</center>\r\n</body>\r\n</html>\r\n'

/** The command and the output that a document shows. */
function shownIn(path: string): { args: string[]; output: string } {
  const text = readFileSync(join(root, path), 'utf8')
  const [, line = '', output = ''] =
    /^```console\n\$ npx good-gateway (diagnose .+)\n([^]*?)^```$/m.exec(text) ?? []
  assert.notEqual(output, '', `${path} shows no run`)
  return { args: line.split(' '), output }
}

/** Ports, times and ids differ from run to run, and with them where the lines end. */
const normal = (output: string): string =>
  output
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'NOW')
    .replace(/[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}/g, 'ID')
    .replace(/\d+(?:\.\d+)? m?s\b/g, 'TIME')
    .replace(/\s+/g, ' ')
    .trim()

/** Runs the command of a document against what the document says is there. */
async function same(path: string, url: string): Promise<void> {
  const { args, output } = shownIn(path)
  const ours = args.map((arg) => arg.replace(/^http:\/\/127\.0\.0\.1:\d+/, url))
  const { stdout } = await run(ours)
  assert.ok(normal(stdout).startsWith(normal(output)), stdout)
}

describe('the runs of diagnose that the documents show', function () {
  this.timeout(20_000)

  it('are those of docs/diagnose.md', async () => {
    const fields = ['Server: nginx/1.27.0', 'Content-Type: text/html']
    const server = await rawServer(reply('502 Bad Gateway', fields, NGINX))
    try {
      await same('docs/diagnose.md', server.url)
    } finally {
      await server.close()
    }
  })

  it('are those of the README, against the sample', async () => {
    const faults = await startFaults()
    const bare = { pass: () => {}, close: async () => {} }
    const proxy = createProxy({ upstream: '', faults, bare, listing: () => '' })
    const server = await listen(createServer(proxy.callback()))
    try {
      await same('README.md', server.url)
    } finally {
      await server.close()
      await faults.close()
      breakers.releaseAll()
    }
  })

  it('name the options that --help lists, and no others', async () => {
    const { stdout } = await run(['--help'])
    const document = readFileSync(join(root, 'docs/diagnose.md'), 'utf8')
    const named = new Set(document.match(/--[a-z][a-z-]+/g))
    for (const option of named) assert.ok(stdout.includes(option), option)
  })
})
