/**
 * Where the processes of a fleet meet: `redis(client)` makes one. Another engine fits if it has these
 * two functions.
 */
export interface FleetStore {
  /**
   * Runs a script, as one step in which nothing else happens, and resolves with its reply: a list of
   * strings and numbers. What the engine refuses rejects; the text of the error is shown to operators.
   *
   * @param script - Lua, as `EVAL` takes it.
   * @param keys - the keys that the script uses; all hold the same hash tag.
   */
  run(script: string, keys: readonly string[], args: readonly string[]): Promise<unknown>
  /**
   * Listens to a channel, on a connection of its own, and resolves when messages are heard.
   *
   * @param onGap - is called when messages may have been missed, as when the connection is lost. The
   *   fleet then stops this one, listens anew, and reads what it has missed.
   */
  listen(
    channel: string,
    onMessage: (message: string) => void,
    onGap: () => void,
  ): Promise<Listening>
}

/** One connection that listens. */
export interface Listening {
  /** Rejects, or never settles, when the connection is dead; without it nobody looks. */
  check?(): Promise<unknown>
  /** Ends it at once; it must not call `onGap` then. */
  stop(): unknown
}
