export { breakers, type CircuitEntry } from './circuit/registry.js'
export type {
  AnsweredBy,
  CallEndEvent,
  CircuitEvent,
  Events,
  FleetEvent,
  ProblemEvent,
  RefusalEvent,
  RequestEndEvent,
  RequestStartEvent,
} from './common/event-shapes.js'
export type { Breaker } from './circuit/circuit.js'
export type { Action } from './breaker/fire.js'
export type { CircuitBreakerOptions, Fallback, Outcome } from './exchange/circuit-options.js'
export type { Cause, Code } from './errors/codes.js'
export { GatewayError, type GatewayErrorOptions, type Issue } from './errors/gateway-error.js'
export type { Exchange } from './exchange/exchange.js'
export { unobserved } from './observer/context.js'
export {
  clientErrorListener,
  type ClientErrorListener,
  type ClientErrorOptions,
} from './problem/client-error.js'
export type { Dispatching } from './forward/dispatching.js'
export type { CircuitOptions, ForwardOptions, TargetOptions } from './forward/options.js'
export type { Format, FormatFunction } from './problem/formats.js'
export type { Attempt, ErrorInfo, LowLevelError, Timings } from './problem/info.js'
export type { ProblemDetailsOptions } from './problem/options.js'
export type { ProblemPagesOptions } from './problem/pages.js'
export type { Problem } from './problem/problem.js'
export type { RoutesOptions } from './routing/routes.js'
export type { HealthOptions } from './telemetry/health.js'
export type { StatusPageOptions } from './telemetry/status/status-page.js'
export type { OpenApiOptions } from './validation/openapi/openapi.js'
export type { TransformOptions } from './transform/options.js'
export type {
  Change,
  EventsTransform,
  RequestView,
  ResponseHead,
  ResponseView,
  Transform,
  Transformer,
} from './transform/types.js'
export type { StreamEvent } from './content/event-stream.js'
export type { ValidateOptions } from './validation/options.js'
export type { ResponseSchemas } from './validation/response.js'
export type { Parts, Schemas } from './validation/validate.js'
export {
  type AnyConnectMiddleware,
  circuitBreaker,
  type ConnectCircuitBreaker,
  type ConnectForward,
  type ConnectHealth,
  type ConnectMiddleware,
  type ConnectRoutes,
  type ConnectStatusPage,
  type ConnectValidate,
  forward,
  health,
  plainPaths,
  problemDetails,
  problemPages,
  statusPage,
  transform,
  validate,
} from './hosts/connect.js'
export { answer } from './hosts/answer.js'
export { listener } from './hosts/listener.js'
export { upgradeListener, type UpgradeHandler, type UpgradeListener } from './hosts/upgrade.js'
export { members, type Members, type MembersOptions } from './transform/members.js'
export { routes } from './hosts/connect-routes.js'
