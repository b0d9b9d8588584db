const told = new WeakSet<object>()

/**
 * Warns of a mistake in the mounting once: every request would meet it again.
 *
 * @param place - An object that stands for the place of the mistake, such as the mounted options.
 */
export function warnOnce(place: object, text: string): void {
  if (told.has(place)) return
  told.add(place)
  process.emitWarning(`good-gateway: ${text}`)
}
