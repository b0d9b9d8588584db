/** Chunks up to this size are copied together: each object around a chunk costs more than its bytes. */
const SMALL = 1024
const BLOCK = 16 * 1024

/** Chunks of a body in their order, whose memory is in proportion to their bytes, however small they are. */
export class ByteList {
  #size = 0
  readonly #chunks: Buffer[] = []
  #block: Buffer | undefined
  #used = 0

  get size(): number {
    return this.#size
  }

  add(chunk: Buffer): void {
    this.#size += chunk.length
    // The first one is mostly the only one.
    if (chunk.length > SMALL || this.#size === chunk.length) {
      this.#closeBlock()
      this.#chunks.push(chunk)
      return
    }
    if (this.#block === undefined || this.#used + chunk.length > BLOCK) {
      this.#closeBlock()
      this.#block = Buffer.allocUnsafeSlow(BLOCK)
    }
    this.#used += chunk.copy(this.#block, this.#used)
  }

  /** The chunks, small ones joined. */
  chunks(): readonly Buffer[] {
    this.#closeBlock()
    return this.#chunks
  }

  concat(): Buffer {
    return Buffer.concat(this.chunks())
  }

  #closeBlock(): void {
    if (this.#block && this.#used > 0) this.#chunks.push(this.#block.subarray(0, this.#used))
    this.#block = undefined
    this.#used = 0
  }
}
