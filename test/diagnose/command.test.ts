import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderText } from '../../src/diagnose/render.js'
import { type Code, codes } from '../../src/errors/codes.js'
import { advice } from '../../src/problem/advice.js'
import { type Listening, listen, nobody } from '../support/servers.js'
import { run } from './command.js'
import { diagnoseHere } from './here.js'

const root = join(import.meta.dirname, '../..')
const ESCAPE = '\u001b['

describe('the command', function () {
  this.timeout(20_000)
  let server: Listening
  /** What the server is told to answer. */
  let echo: (headers: NodeJS.Dict<string | string[]>, url: string) => readonly [number, string]

  before(async () => {
    server = await listen(
      createServer((req, res) => {
        const [status, body] = echo(req.headers, req.url ?? '')
        res.writeHead(status, { 'Content-Type': 'application/json', Connection: 'close' }).end(body)
      }),
    )
  })
  beforeEach(() => {
    echo = () => [200, '{"ok":true}']
  })
  after(() => server.close())

  it('is the one that the package installs', () => {
    const { bin } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
      bin: Record<string, string>
    }
    assert.deepEqual(bin, { 'good-gateway': 'dist/bin/good-gateway.js' })
    assert.match(
      readFileSync(join(root, 'dist/bin/good-gateway.js'), 'utf8'),
      /^#!\/usr\/bin\/env node\n/,
    )
  })

  it('prints what it can do, and its version', async () => {
    for (const args of [['--help'], ['-h'], ['diagnose', '--help']]) {
      const { status, stdout } = await run(args)
      assert.equal(status, 0)
      assert.match(stdout, /^Usage: good-gateway diagnose/)
    }
    const { stdout } = await run(['--version'])
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })

  it('exits with 0 when all is well, and with 1 when there is a problem', async () => {
    const good = await run(['diagnose', '--idle', '0', server.url])
    assert.equal(good.status, 0, good.stdout)
    assert.match(good.stdout, /\nhealthy\nAll is well\.\n/)
    const bad = await run(['diagnose', nobody.url])
    assert.equal(bad.status, 1)
    assert.match(bad.stdout, /\nupstream_refused \(cause: dependency, retryable\)\n/)
    assert.match(
      bad.stdout,
      /\n1 Is the server up\? .*\n[^]*2 Is the call right\?[^]*3 Is there a rate limit\?[^]*4 What do the logs say\?[^]*5 Whom to ask\?/,
    )
    assert.equal(bad.stderr, '')
  })

  for (const [args, says] of [
    [[], /say what to do: good-gateway diagnose URL/],
    [['https://api.example.com/'], /write "diagnose" before the URL/],
    [['diagnos', 'https://api.example.com/'], /unknown command "diagnos"/],
    [['diagnose'], /needs a URL, such as/],
    [['diagnose', 'api.example.com'], /write it with http:\/\/ or https:\/\//],
    [['diagnose', 'ftp://x/'], /it must be http: or https:/],
    [['diagnose', 'http://a/', 'http://b/'], /one URL at a time; "http:\/\/b\/" is left over/],
    [['diagnose', '--tmeout', '1', 'http://a/'], /'--tmeout'/],
    [
      ['diagnose', '--timeout', 'soon', 'http://a/'],
      /--timeout "soon": give seconds from 0\.1 to 600/,
    ],
    [['diagnose', '--timeout', '0', 'http://a/'], /--timeout "0"/],
    [['diagnose', '--idle', '-1', 'http://a/'], /idle/],
    [
      ['diagnose', '--resolver', 'dns.test', 'http://a/'],
      /--resolver "dns\.test": give an address/,
    ],
    [['diagnose', '-X', 'GTE', 'http://a/'], /"GTE" is not known; did you mean GET\?/],
    [['diagnose', '-H', 'no colon', 'http://a/'], /write it as -H 'Name: value'/],
    [['diagnose', '-H', 'X: a\nb', 'http://a/'], /"X" cannot be sent/],
    [['diagnose', '-H', 'Content-Length: 3', 'http://a/'], /is set by the command; leave it out/],
    [
      ['diagnose', '-d', '@no-such-file', 'http://a/'],
      /-d: the file "no-such-file" cannot be read/,
    ],
    [['diagnose', '--explain', 'upstream_refusd'], /did you mean upstream_refused\?/],
  ] as const) {
    it(`exits with 2 for: ${args.join(' ').replace(/\n/g, '\\n')}`, async () => {
      const { status, stdout, stderr } = await run(args)
      assert.equal(status, 2)
      assert.equal(stdout, '')
      assert.match(stderr, says)
      assert.match(stderr, /^good-gateway: [^\n]+\nTry: good-gateway --help\n$/)
    })
  }

  it('explains each code with what client and operator do about it', async () => {
    const { status, stdout } = await run(['diagnose', '--explain', 'upstream_refused'])
    assert.equal(status, 0)
    assert.match(
      stdout,
      /^upstream_refused: Upstream refused the connection\n\nStatus 502, cause dependency/,
    )
    assert.match(stdout, /What the operator should check\n {2}Is the upstream running\?/)
    const { explain } = await import('../../src/bin/explain.js')
    for (const code of Object.keys(codes) as Code[]) {
      const page = explain(code, 80)
      assert.ok(page.includes(codes[code].title))
      assert.doesNotMatch(page, /\]\(|`/)
      assert.ok(page.split('\n').every((line) => line.length <= 80))
    }
  })

  it('takes the body from a file, and from the standard input', async () => {
    const bodies: string[] = []
    const other = await listen(
      createServer((req, res) => {
        let body = ''
        req.on('data', (part) => (body += String(part)))
        req.once('end', () => {
          if (req.method === 'POST') bodies.push(`${req.headers['content-type']} ${body}`)
          res.end('ok')
        })
      }),
    )
    const folder = mkdtempSync(join(tmpdir(), 'good-gateway-diagnose-'))
    const file = join(folder, 'order.json')
    writeFileSync(file, '{"qty":1}')
    await run(['diagnose', '--idle', '0', '-d', `@${file}`, other.url])
    await run(['diagnose', '--idle', '0', '-d', '@-', other.url], {}, 'a=b')
    rmSync(folder, { recursive: true })
    await other.close()
    assert.deepEqual(bodies, [
      'application/json {"qty":1}',
      'application/x-www-form-urlencoded a=b',
    ])
  })

  it('prints nothing of credentials, also where the server repeats them', async () => {
    const secrets = [
      't0p-s3cret',
      'c00kie-value',
      'k3y-of-the-api',
      'passw0rd',
      'que-ry-t0ken',
      'ada-user',
    ]
    echo = (headers, url) => {
      const said = [headers.authorization, headers.cookie, headers['x-api-key'], url].join(' ')
      // What a server that logs too much makes of it.
      const basic = Buffer.from(String(headers.authorization).slice(6), 'base64').toString()
      return [401, JSON.stringify({ message: `Not accepted: ${said} ${basic}` })]
    }
    const url = server.url.replace('//', '//ada-user:passw0rd@')
    const calls = [
      [`${url}/?access_token=que-ry-t0ken`],
      ['-H', 'Authorization: Bearer t0p-s3cret', `${server.url}/?a=que-ry-t0ken`],
      ['-H', 'Cookie: session=c00kie-value', '-H', 'X-Api-Key: k3y-of-the-api', url],
    ]
    for (const call of calls)
      for (const look of [[], ['--json']]) {
        const { stdout, stderr } = await run(['diagnose', ...look, ...call])
        assert.match(stdout, /Not accepted/)
        const basic = Buffer.from('ada-user:passw0rd').toString('base64')
        for (const secret of [...secrets, basic])
          assert.ok(!(stdout + stderr).includes(secret), `${secret}: ${stdout}`)
      }
  })

  it('shows nothing of a password in the error of a wrong use', async () => {
    const { stderr } = await run(['diagnose', 'ftp://ada:passw0rd@x/?t=que-ry-t0ken'])
    assert.doesNotMatch(stderr, /passw0rd|que-ry/)
  })

  it('shows nothing that a terminal would obey', async () => {
    echo = () => [500, JSON.stringify({ message: `${ESCAPE}2J\u009b31m\u202Eevil` })]
    const { stdout } = await run(['diagnose', server.url])
    assert.match(stdout, /evil/)
    for (const character of [ESCAPE[0], '\u009b', '\u202e'])
      assert.ok(!stdout.includes(character ?? ''))
  })

  it('has colours on a terminal only', async () => {
    for (const env of [{}, { NO_COLOR: '1' }, { FORCE_COLOR: '1' }]) {
      const { stdout } = await run(['diagnose', nobody.url], env)
      assert.ok(!stdout.includes(ESCAPE))
    }
    const call = { method: 'GET', url: new URL(nobody.url), headers: [], body: undefined }
    const diagnosis = await diagnoseHere(call)
    const text = (colours: boolean) => renderText(call, diagnosis, { colours, width: 80 })
    assert.ok(text(true).includes(`${ESCAPE}31mfault`))
    assert.ok(!text(false).includes(ESCAPE))
    assert.ok(
      text(false)
        .split('\n')
        .every((line) => line.length <= 80),
    )
  })

  it('prints a report for programs', async () => {
    const { status, stdout } = await run(['diagnose', '--json', nobody.url])
    const report = JSON.parse(stdout) as Record<string, unknown>
    assert.equal(status, 1)
    assert.deepEqual(Object.keys(report), [
      'method',
      'url',
      'healthy',
      'code',
      'cause',
      'sentence',
      'retryable',
      'retry_after',
      'next',
      'questions',
      'redirections',
      'steps',
    ])
    assert.deepEqual(
      [report['healthy'], report['code'], report['cause'], report['retryable']],
      [false, 'upstream_refused', 'dependency', true],
    )
    const [, , operator] = advice.upstream_refused
    assert.ok((report['next'] as string[]).includes(`As the operator: ${operator}`))
  })

  it('ends at once when it is interrupted', async () => {
    let asked = () => {}
    const waiting = new Promise<void>((resolve) => (asked = resolve))
    const hanging = await listen(createServer(() => asked()))
    const program = join(root, 'dist/bin/good-gateway.js')
    const child = spawn(process.execPath, [program, 'diagnose', hanging.url], { stdio: 'ignore' })
    await waiting
    const startedAt = performance.now()
    child.kill('SIGINT')
    const [status, signal] = (await once(child, 'exit')) as [number | null, string | null]
    await hanging.close()
    assert.deepEqual([status, signal], [null, 'SIGINT'])
    assert.ok(performance.now() - startedAt < 2000)
  })

  it('minds nobody who stops reading', async () => {
    const program = join(root, 'dist/bin/good-gateway.js')
    const child = spawn(process.execPath, [program, 'diagnose', nobody.url], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part))
    child.stdout.destroy()
    await once(child, 'exit')
    assert.equal(stderr, '')
  })
})
