import { Cluster, Redis } from 'ioredis'
import { Cluster as ValkeyCluster, Redis as Valkey } from 'iovalkey'
import { createClient, createCluster } from 'redis'
import { redis } from 'good-gateway/redis'

redis(new Redis())
redis(new Cluster([]))
redis(new Valkey())
redis(new ValkeyCluster([]))
redis(createClient())
redis(createClient({ RESP: 3 }))
redis(createCluster({ rootNodes: [] }))
