import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type {
  CircuitBreakerOptions,
  ConnectCircuitBreaker,
  ConnectHealth,
  ConnectMiddleware,
  ConnectStatusPage,
  HealthOptions,
  OpenApiOptions,
  ProblemDetailsOptions,
  ProblemPagesOptions,
  RoutesOptions,
  Schemas,
  StatusPageOptions,
  Transform,
  TransformOptions,
  ValidateOptions,
} from 'good-gateway'
import * as connectApi from 'good-gateway'
import * as expressApi from 'good-gateway/express'
import * as koaApi from 'good-gateway/koa'
import express from 'express'
import express4 from 'express4'
import Koa from 'koa'
import Koa2 from 'koa2'
import polka from 'polka'
import { type Listening, listen } from './servers.js'

/** A middleware of some host; only that host can look inside. */
export type Mounted = object

/** The four middlewares, in words that every host understands. */
export interface Api {
  problemDetails(options?: ProblemDetailsOptions): Mounted
  problemPages(options?: ProblemPagesOptions): Mounted
  plainPaths(): Mounted
  validate(schemas: Schemas, options?: ValidateOptions): Mounted
  transform(transform: Transform, options?: TransformOptions): Mounted
  circuitBreaker(
    options: CircuitBreakerOptions,
  ): Mounted & Pick<ConnectCircuitBreaker, 'breaker' | 'fire'>
  health(options?: HealthOptions): Mounted & Pick<ConnectHealth, 'drain'>
  statusPage(options?: StatusPageOptions): Mounted & Pick<ConnectStatusPage, 'stop'>
  readonly routes: {
    (table: Record<string, Mounted | Mounted[]>, options?: RoutesOptions): Mounted
    fromOpenAPI(document: object | string, options?: RoutesOptions & OpenApiOptions): Mounted
  }
  /** Another middleware of the application, which waits for something before it goes on. */
  waits(work: (req: IncomingMessage) => Promise<unknown>): Mounted
  /** A middleware of Connect's kind, in the way that the host takes one. */
  connect(middleware: ConnectMiddleware): Mounted
}

/** What a test mounts. */
export interface Setup {
  readonly use: (api: Api) => readonly Mounted[]
  /** The existing proxy; it knows nothing of good-gateway. */
  readonly handler: (req: IncomingMessage, res: ServerResponse) => unknown
  /** Options of the server. */
  readonly server?: ServerOptions
}

/** A framework that the middlewares are mounted in. */
export interface Host {
  readonly name: string
  /**
   * What becomes of an error that the application leaves to the host: it is thrown to our
   * middlewares, or written as finalhandler's page, or in the host's own way.
   */
  readonly errors: 'thrown' | 'page' | 'own'
  start(setup: Setup): Promise<Listening>
}

const koaWaits: Api['waits'] = (work) => {
  const middleware: koaApi.AnyKoaMiddleware = async (ctx, next) => {
    await work(ctx.req)
    await next()
  }
  return middleware
}

const koaConnect: Api['connect'] = (middleware) => {
  const mounted: koaApi.AnyKoaMiddleware = async ({ req, res }, next) => {
    await new Promise<void>((resolve) => middleware(req, res, () => resolve()))
    await next()
  }
  return mounted
}

/** Both majors of Koa, as far as a test needs them. */
interface KoaLike {
  on(event: 'error', listener: () => void): unknown
  use(middleware: koaApi.AnyKoaMiddleware): unknown
  callback(): RequestListener
}

const koa = (name: string, create: () => KoaLike): Host => ({
  name,
  errors: 'thrown',
  start({ use, handler, server = {} }) {
    const app = create()
    // What reaches the host is looked at through its event, not on the console.
    app.on('error', () => {})
    const api = { ...koaApi, waits: koaWaits, connect: koaConnect } as Api
    for (const middleware of use(api) as koaApi.KoaMiddleware[]) app.use(middleware)
    app.use(async (ctx: koaApi.KoaContext) => {
      Object.assign(ctx, { respond: false })
      // Koa's own default is 404.
      ctx.res.statusCode = 200
      await handler(ctx.req, ctx.res)
    })
    return listen(createServer(server, app.callback()))
  },
})

const connectWaits: Api['waits'] = (work) => {
  const middleware: ConnectMiddleware = (req, _res, next) => {
    work(req).then(() => next(), next)
  }
  return middleware
}

const connect: Api['connect'] = (middleware) => middleware

const node: Host = {
  name: 'node:http',
  errors: 'thrown',
  start({ use, handler, server = {} }) {
    const api = { ...connectApi, waits: connectWaits, connect } as Api
    const middlewares = use(api) as ConnectMiddleware[]
    return listen(createServer(server, connectApi.listener(...middlewares, handler)))
  },
}

/** What routes requests to Connect's middlewares. */
interface ConnectLike {
  use(middleware: ConnectMiddleware): unknown
}

const connectLike = <App extends ConnectLike>(
  host: Pick<Host, 'name' | 'errors'>,
  create: () => App,
  listenerOf: (app: App) => RequestListener,
): Host => ({
  ...host,
  start({ use, handler, server = {} }) {
    const app = create()
    const api = { ...expressApi, waits: connectWaits, connect } as Api
    for (const middleware of use(api) as ConnectMiddleware[]) app.use(middleware)
    app.use((req, res, next) => {
      // Express 4 and polka leave a rejected promise alone.
      const run = async () => handler(req, res)
      run().catch(next)
    })
    return listen(createServer(server, listenerOf(app)))
  },
})

function expressApp<App extends { set(name: string, value: unknown): unknown }>(app: App): App {
  // Express prints the errors that reach it, but in tests.
  app.set('env', 'test')
  return app
}

/** Every host that the contract is checked on. */
export const hosts: readonly Host[] = [
  koa('Koa 3', () => new Koa()),
  koa('Koa 2', () => new Koa2()),
  connectLike(
    { name: 'Express 5', errors: 'page' },
    () => expressApp(express()),
    (app) => app,
  ),
  connectLike(
    { name: 'Express 4', errors: 'page' },
    () => expressApp(express4()),
    (app) => app,
  ),
  connectLike(
    { name: 'polka', errors: 'own' },
    () => polka(),
    (app) => app.handler as RequestListener,
  ),
  node,
]

/** Those that give us what the application throws, whole; of the others' pages only the status is left. */
export const throwing: readonly Host[] = hosts.filter(({ errors }) => errors === 'thrown')
