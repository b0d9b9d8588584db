// Calls of a language model, as a client of OpenAI's API makes them.

/** Events of a stream. */
export const LLM_EVENTS = 1000

const call = (content: unknown, more = {}) =>
  JSON.stringify({ model: 'm', messages: [{ role: 'user', content }], ...more })

/** 1 KB of text. */
export const textCall = call('The quick brown fox jumps over the lazy dog. '.repeat(20))

/** A call for a stream. */
export const streamCall = call('x', { stream: true })

/** An image of 5 MB. */
export const imageCall = call([
  {
    type: 'image_url',
    image_url: { url: `data:image/png;base64,${'A'.repeat(5_000_000)}` },
  },
])
