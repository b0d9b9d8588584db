declare module 'undici/lib/dispatcher/agent.js' {
  // oxlint-disable-next-line import/no-default-export -- undici is CommonJS
  export default class Agent {
    constructor(options?: object)
    dispatch(options: object, handler: object): boolean
    close(): Promise<void>
  }
}
