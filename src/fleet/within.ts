/**
 * What the promise gives, or a rejection when it takes longer; clients of stores wait for ever, some of
 * them by default.
 *
 * @param time - milliseconds.
 */
export async function within<T>(time: number, what: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} takes longer than ${time} ms`)), time)
    timer.unref()
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
