import { join } from 'node:path'
import type { RequestListener } from 'node:http'
import { build } from 'esbuild'
import { type Format, GatewayError, listener, problemDetails } from 'good-gateway'

/** The formats that the client reads. */
export const FORMATS: readonly Format[] = ['problem', 'openai', 'anthropic', 'aws']

/** Answers `/<format>` with a problem in that format, and `/other/…` with what is none. */
const gateways = FORMATS.map(
  (format) =>
    [
      `/${String(format)}`,
      listener(problemDetails({ format }), () => {
        throw new GatewayError('upstream_rate_limited', { upstream: 'orders', retryAfter: 7 })
      }),
    ] as const,
)

/** Answers that are no problem. */
export const others: Record<string, readonly [status: number, type: string, body: string]> = {
  html: [502, 'text/html', '<h1>Bad gateway</h1>'],
  good: [200, 'application/json', '{"type":"a","title":"b","status":200}'],
  'own-json': [500, 'application/json', '{"error":"stock_failed"}'],
  array: [500, 'application/json', '[1]'],
  'not-json': [500, 'application/problem+json', '{"type":'],
  scalar: [500, 'application/problem+json', '7'],
  none: [204, 'text/plain', ''],
  large: [500, 'application/problem+json', `{"title":"${'x'.repeat(70_000)}"}`],
}

/** Answers in each format, and with each of the others. */
export const routesOf: RequestListener = (req, res) => {
  const gateway = gateways.find(([path]) => path === req.url)?.[1]
  if (gateway) return void gateway(req, res)
  const other = others[req.url?.replace('/other/', '') ?? '']
  if (other) return void res.writeHead(other[0], { 'Content-Type': other[1] }).end(other[2])
  return void res.writeHead(404).end()
}

/** What the client reads in each format. */
export const expected = {
  status: 429,
  detail: '"orders" accepts no more requests for now.',
  retryable: true,
  retry_after: 7,
}
/** The code, where the format has one. */
export const codes: Record<string, string | undefined> = {
  problem: 'upstream_rate_limited',
  openai: 'upstream_rate_limited',
  anthropic: undefined,
  aws: 'upstream_rate_limited',
}

/** The client for a browser. */
export async function bundleClient(format: 'esm' | 'iife'): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, '../../dist/client.js')],
    bundle: true,
    minify: true,
    format,
    globalName: 'client',
    platform: 'browser',
    write: false,
  })
  return outputFiles[0]?.text ?? ''
}
