const told = new WeakSet<object>()

/**
 * Explains a mistake, once for each place where it was made: it shows again at every request.
 *
 * @param place - What was mounted there.
 */
export function warnOnce(place: object, text: string): void {
  if (told.has(place)) return
  told.add(place)
  process.emitWarning(`good-gateway: ${text}`)
}
