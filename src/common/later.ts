/** A value, or a promise of it: a promise costs time where requests have a context, so none is made in vain. */
export type Later<T> = T | Promise<T>

/** Goes on with a value: at once where it is there. */
export function whenKnown<T, Result>(
  value: Later<T>,
  next: (value: T) => Later<Result>,
): Later<Result> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** Tells a value once it is known, or the error that came instead of it. */
export function settle<T>(
  get: () => Later<T>,
  tell: (value: T) => void,
  fail: (error: unknown) => void,
): void {
  try {
    const value = get()
    if (value instanceof Promise) value.then(tell, fail)
    else tell(value)
  } catch (error) {
    fail(error)
  }
}
