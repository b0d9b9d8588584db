import { createRequire } from 'node:module'
import { circuitBreaker, validate } from 'good-gateway/koa'

const require = createRequire(import.meta.url)

/** The JSON Schemas that GitHub publishes: one draft-07 document, one definition for each event. */
const document = {
  ...(require('@octokit/webhooks-schemas') as { definitions: Record<string, object> }),
  // It ships without a name that references could lead to.
  $id: 'https://schemas.example/github-webhooks.json',
}

// The same object for all routes, so that the document is read once.
const options = {
  schemas: [document],
  // The document has a keyword of its own, for a generator of types.
  ajv: { keywords: ['tsAdditionalProperties'] },
  limit: '25mb',
}

/** A route for each webhook event, checked against its published schema. */
export function hookRoutes() {
  const hooks = circuitBreaker({ name: 'hooks' })
  const routes = Object.keys(document.definitions).flatMap((definition) => {
    const event = /^(.*)[_$]event$/.exec(definition)?.[1]
    if (event === undefined) return []
    const schema = {
      $schema: 'http://json-schema.org/draft-07/schema#',
      $ref: `${document.$id}#/definitions/${definition}`,
    }
    return [[`POST /hooks/${event}`, [validate({ body: schema }, options), hooks]] as const]
  })
  return Object.fromEntries(routes)
}
