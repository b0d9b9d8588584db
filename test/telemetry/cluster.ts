import cluster from 'node:cluster'
import { once } from 'node:events'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { listener, problemDetails } from 'good-gateway'
import { prometheus } from 'good-gateway/prometheus'
import { AggregatorRegistry, Registry } from 'prom-client'

/*
 * A program: two workers serve one request each and count it; the first process prints what prom-client
 * makes of both.
 */
const WORKERS = 2

if (cluster.isPrimary) {
  const registry = new AggregatorRegistry()
  const workers = Array.from({ length: WORKERS }, () => cluster.fork())
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  console.log(await registry.clusterMetrics())
  for (const worker of workers) worker.kill()
} else {
  const registry = new Registry()
  const metrics = prometheus({ registry })
  AggregatorRegistry.setRegistries([registry])
  // It answers the first process from now on.
  const answering = new AggregatorRegistry()
  const server = createServer(listener(problemDetails(), (_req, res) => res.end('ok')))
  // Each worker has a port of its own: one that is shared would be asked by turns.
  await once(server.listen({ port: 0, host: '127.0.0.1', exclusive: true }), 'listening')
  get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }, (res) => res.resume())
  while (!metrics.text().includes('good_gateway_requests_total{'))
    await new Promise((resolve) => setImmediate(resolve))
  process.send?.(answering.contentType)
}
