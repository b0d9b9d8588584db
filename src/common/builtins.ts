/*
 * Modules of Node of which values are used. Where an ES module imports such a value, Node reads all
 * exports of the module, and some of them load more: undici, workers, Web Crypto, together 20 ms at
 * the start of a process.
 */

/** The module `node:http`. */
export const http = process.getBuiltinModule('node:http')
/** The module `node:crypto`. */
export const crypto = process.getBuiltinModule('node:crypto')
/** The module `node:util`. */
export const util = process.getBuiltinModule('node:util')
/** The module `node:stream`. */
export const stream = process.getBuiltinModule('node:stream')
