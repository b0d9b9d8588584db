/** What a proxy makes impossible by itself. */
export interface Impossible {
  readonly reason: string
  /** The standard body that the client gets instead. */
  readonly instead: readonly [status: number, code: string]
}

const failed: Impossible = {
  reason: 'axios throws for such a status, the body unread, unless validateStatus says otherwise',
  instead: [502, 'upstream_error'],
}

/** Cells that a proxy makes impossible, by gateway and case. */
export const impossible: Readonly<Record<string, Readonly<Record<string, Impossible>>>> = {
  axios: {
    '404': failed,
    '500': failed,
    '500-no-date': failed,
    '502': failed,
    '502-no-date': failed,
    '503': failed,
    '503-no-date': failed,
  },
}
