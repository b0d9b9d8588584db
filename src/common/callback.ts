/**
 * Calls what the user gave us, if anything. An answer must not depend on it: what it throws, or
 * rejects with later, becomes a warning of the process, and gives undefined.
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

/** The same for a callback whose answer is needed at once: a promise is none. */
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

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof Reflect.get(value, 'then') === 'function'
  )
}

/** Reports what a callback of the user has thrown. */
export function warnThrew(name: string, error: unknown): void {
  process.emitWarning(`good-gateway: ${name} threw: ${inWords(error)}`)
}

/** An error without a prototype, or with a getter that throws, has no words. */
function inWords(error: unknown): string {
  try {
    return String(error)
  } catch {
    return 'something that cannot be shown'
  }
}
