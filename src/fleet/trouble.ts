/**
 * Why the store cannot be used, in words for the operator; names the rights that are missing.
 *
 * @param denied - what the script could not run: a command and the error, such as `SET: ERR …`.
 */
export function troubleOf(...denied: readonly unknown[]): string {
  const texts = denied.map((error) => (error instanceof Error ? error.message : String(error)))
  const missing = new Set(texts.map(rightIn))
  if (missing.has(undefined)) return texts.find((text) => rightIn(text) === undefined) ?? ''
  return `the user of the store lacks a right; grant ${[...missing].join(' ')}`
}

/** The words of Redis and Valkey; those of the script have the command before them. */
const REFUSAL = /NOPERM|can't (?:run this command|access|publish)/
const COMMAND = /^([A-Z]+): |'(\w+)' command/

function rightIn(text: string): string | undefined {
  if (!REFUSAL.test(text)) return undefined
  if (/channel/.test(text)) return '&good-gateway:*'
  if (/\bkeys?\b/.test(text)) return '~good-gateway:*'
  const [, ...found] = COMMAND.exec(text) ?? []
  const command = found.find((name) => name !== undefined)
  return command === undefined ? undefined : `+${command.toLowerCase()}`
}
