import { Ignored } from './ignored.js'
import type { TokenUsage } from './usage.js'

/** What a translator keeps of one request until its answer is complete. */
export class Call {
  /** The model that the client has asked for; the answer names it again. */
  model = ''
  /** Whether the client wants the usage at the end of a stream. */
  wantsUsage = false
  /** The tokens, once the provider has told them. */
  usage: TokenUsage | undefined = undefined
  readonly ignored = new Ignored()
}
