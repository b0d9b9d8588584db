// The same gateway for clients of another API: calls and answers are translated.
import { createServer } from 'node:http'
import { forward, listener, problemDetails, transform } from 'good-gateway'
import { openaiToAnthropic } from 'good-gateway/llm'
import type { Settings } from './gateway.js'

const limits = { limit: '20mb', responseLimit: '20mb' }

export const create = ({ target }: Settings) =>
  createServer(
    listener(problemDetails(), transform(openaiToAnthropic(), limits), forward({ target })),
  )
