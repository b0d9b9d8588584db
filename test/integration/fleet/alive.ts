// Shares its circuits and does nothing else: this process must end when its own client has.
import { Redis } from 'ioredis'
import { Redis as Valkey } from 'iovalkey'
import { createClient } from 'redis'
import { circuitBreaker } from 'good-gateway'
import { redis, shareCircuits } from 'good-gateway/redis'

const [, , name, port] = process.argv

async function connected() {
  if (name === 'node-redis') {
    const client = createClient({ socket: { port: Number(port), host: '127.0.0.1' } })
    client.on('error', () => {})
    await client.connect()
    return { client, end: () => client.destroy() }
  }
  const client = name === 'iovalkey' ? new Valkey(Number(port)) : new Redis(Number(port))
  return { client, end: () => client.disconnect() }
}

const { client, end } = await connected()
circuitBreaker({ name: 'orders' })
const fleet = shareCircuits(redis(client), { fleet: 'alive', resync: 200 })
const timer = setInterval(() => {
  if (fleet.state !== 'joined') return
  clearInterval(timer)
  console.log(fleet.state)
  end()
}, 5)
