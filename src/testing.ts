export { faults, type Fault } from './testing/faults.js'
export { faultyUpstream, type FaultyUpstream } from './testing/upstream.js'
