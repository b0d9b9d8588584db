/** What a provider has understood of a request. */
export interface Prompt {
  /** The last text of the user. */
  readonly text: string
  /** Names of the tools that may be called. */
  readonly tools: readonly string[]
  /** Whether one must be called, or may not. */
  readonly choice: 'auto' | 'required' | 'none'
  /** Whether at most one may be called at a time. */
  readonly isSerial: boolean
  /** Answers of tools since the last text of the user. */
  readonly results: readonly string[]
  readonly wantsJson: boolean
  /** Number of images and files. */
  readonly attachments: number
  readonly maxTokens: number
}

/** What the model says. */
export interface Reply {
  /** Thoughts before the answer, where the model shows them. */
  readonly thinking?: string
  /** The text, in the pieces of a stream. */
  readonly pieces: readonly string[]
  readonly calls: readonly { readonly name: string; readonly input: Record<string, string> }[]
  readonly end: 'end' | 'length' | 'tools' | 'refusal'
  /** What goes wrong after the first piece, in a stream. */
  readonly fault?: 'dies' | 'error' | 'silent' | 'ends early'
  /** Milliseconds before each piece. */
  readonly pause?: number
}

const say = (text: string, more: Partial<Reply> = {}): Reply => ({
  pieces: text.split(/(?<= )/),
  calls: [],
  end: 'end',
  ...more,
})

/** What a text that begins with these words gets. */
const ANSWERS: readonly (readonly [RegExp, Reply])[] = [
  [/^slowly/, say('one two three four five six seven eight', { pause: 100 })],
  [/^refuse/, say('I will not.', { end: 'refusal' })],
  [/^think/, say('Done.', { thinking: 'Hm, let me think.' })],
  ...(['dies', 'error', 'silent', 'ends early'] as const).map(
    (fault) => [new RegExp(`^fault: ${fault}`), say('This is going to break.', { fault })] as const,
  ),
]

/** A toy that stands for a language model: it knows a few words, and repeats the rest. */
export function answer(prompt: Prompt): Reply {
  const { text, results, maxTokens } = prompt
  const calls = callsFor(prompt)
  if (calls.length > 0) return { pieces: ['Let me ', 'see.'], calls, end: 'tools' }
  if (results.length > 0) return say(`It is ${results.join(' and ')}.`)
  if (prompt.wantsJson) return say('{"answer": 42}')
  if (prompt.attachments > 0) return say(`I see ${prompt.attachments} attachments.`)
  const known = ANSWERS.find(([words]) => words.test(text))
  const reply = known?.[1] ?? say(`You said: ${text}`)
  const isCut = reply.pieces.length > maxTokens
  return isCut ? { ...reply, pieces: reply.pieces.slice(0, maxTokens), end: 'length' } : reply
}

/** One call for each city that is named, all at once or one after the other. */
function callsFor({ text, tools, choice, isSerial, results }: Prompt): Reply['calls'] {
  const [name] = tools
  if (name === undefined || choice === 'none' || (results.length > 0 && !isSerial)) return []
  const cities = [...text.matchAll(/Rome|Oslo|Lima/g)].map(([city]) => city)
  if (cities.length === 0 && choice === 'required') cities.push('Rome')
  const asked = isSerial ? cities.slice(results.length, results.length + 1) : cities
  return asked.map((city) => ({ name, input: { city } }))
}
