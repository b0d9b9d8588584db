// Express 5 with express-openapi-validator and http-proxy-middleware; it has no circuit.
import { createServer } from 'node:http'
import express, { type ErrorRequestHandler } from 'express'
import * as OpenApiValidator from 'express-openapi-validator'
import { createProxyMiddleware, fixRequestBody } from 'http-proxy-middleware'
import { agent, order, type Settings, thing } from './gateway.js'

const responses = { 200: { description: 'ok' } }

const json = { 'application/json': { schema: order } }

const document = {
  openapi: '3.0.3',
  info: { title: 'bench', version: '1' },
  paths: {
    '/things/{id}': {
      get: {
        parameters: [{ name: 'id', in: 'path', required: true, schema: thing.properties.id }],
        responses,
      },
    },
    '/orders': { post: { requestBody: { required: true, content: json }, responses } },
  },
}

const onError: ErrorRequestHandler = (error, _req, res, _next) => {
  res.status(error.status ?? 500).json({ message: error.message, errors: error.errors })
}

/** The usual Express stack. */
export function create({ target, limit }: Settings) {
  const app = express()
  app.set('env', 'test')
  app.use(express.json({ limit }))
  app.use(
    OpenApiValidator.middleware({
      apiSpec: JSON.parse(JSON.stringify(document)),
      ignoreUndocumented: true,
      validateResponses: false,
    }),
  )
  app.use(createProxyMiddleware({ target, agent, on: { proxyReq: fixRequestBody } }))
  app.use(onError)
  return createServer(app)
}
