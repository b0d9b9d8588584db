// A gateway before a language model that passes all calls on.
import { createServer } from 'node:http'
import { forward, listener, problemDetails } from 'good-gateway'
import type { Settings } from './gateway.js'

export const create = ({ target }: Settings) =>
  createServer(listener(problemDetails(), forward({ target })))
