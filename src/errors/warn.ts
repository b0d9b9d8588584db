const told = new Set<string>()

/** Explains a mistake of the mounting, once: it shows again at every request. */
export function warnOnce(text: string): void {
  if (told.has(text)) return
  told.add(text)
  process.emitWarning(`good-gateway: ${text}`)
}
