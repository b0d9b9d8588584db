export {
  type ClientProblem,
  isProblem,
  readProblem,
  type ResponseLike,
  retryDelay,
} from './client/problem.js'
