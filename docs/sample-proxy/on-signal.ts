/** Milliseconds within which npm and the terminal repeat one signal. */
const REPEATED = 500

/** Closes at the first signal, and ends at once when somebody insists. */
export function onSignal(first: () => void): void {
  let since: number | undefined
  const react = () => {
    if (since === undefined) first()
    else if (Date.now() - since > REPEATED) process.exit(130)
    since ??= Date.now()
  }
  process.on('SIGINT', react).on('SIGTERM', react)
}
