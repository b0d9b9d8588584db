/**
 * Calls a callback of the user, where there is one. What it throws, or rejects with later, becomes a
 * warning of the process and gives undefined, so that no answer fails because of it.
 */
export function callBack<Args extends readonly unknown[], Result>(
  name: string,
  callback: ((...args: Args) => Result) | undefined,
  ...args: Args
): Result | undefined {
  try {
    const result = callback?.(...args)
    if (isPromise(result)) result.then(undefined, (error: unknown) => warnThrew(name, error))
    return result
  } catch (error) {
    warnThrew(name, error)
    return undefined
  }
}

/**
 * Calls a callback whose result is needed at once. A promise is ignored, with a warning of the
 * process, and gives undefined.
 */
export function ask<Args extends readonly unknown[], Result>(
  name: string,
  callback: ((...args: Args) => Result) | undefined,
  ...args: Args
): Result | undefined {
  const answer = callBack(name, callback, ...args)
  if (!isPromise(answer)) return answer
  process.emitWarning(`good-gateway: ${name} must not be asynchronous; its answer was ignored`)
  return undefined
}

/** Whether a value is a promise, of Node or of a library. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
  )
}

/** Reports what a callback of the user has thrown. */
export function warnThrew(name: string, error: unknown): void {
  process.emitWarning(`good-gateway: ${name} threw: ${inWords(error)}`)
}

/** `String` throws for an object without a prototype and for one whose getters throw. */
function inWords(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'something that cannot be shown'
  }
}
