import type { Code } from '../errors/codes.js'

/** What docs/problems.md says of a code, in its Markdown. */
export type Advice = readonly [happened: string, client: string, operator: string]

// Written from docs/problems.md by `npm run write-advice`: change it there.
// prettier-ignore
export const advice: Readonly<Record<Code, Advice>> = {
  request_invalid: [
    'The schema of the route refuses the body, the query, a path parameter, a header field or a cookie. Also when the route needs a body and there is none.',
    'Read `errors`: `in` names the part, `pointer` or `name` the place, `detail` what was expected. Correct that and send again.',
    'Nothing is broken. If many clients meet it at once, compare the schema with what the upstream accepts: the schema may be too strict.',
  ],
  request_malformed: [
    'The body could not be read as JSON in one way only, or its compression is broken, or the path can be read in more than one way. `detail` says which, and for JSON the line and column.',
    'Let a JSON library write the body, in UTF-8, with no name twice in an object. Write the path without `//`, dot segments and needless escapes.',
    'One client alone: ask its developer. Sudden and from all sides: something in front of the gateway changes bodies, or somebody is probing.',
  ],
  request_rejected: [
    'The application threw an error with a status from 400 to 499, such as 401 or 403. Status and headers are the error\'s own; its message is `detail` where the error allows that. With 429, `retryable` is true.',
    'Go by the status and by `detail`.',
    'Look in the code of the gateway for who throws this status. The upstream was not the reason.',
  ],
  route_not_found: [
    '`routes` with `otherwise: \'refuse\'` has no route for the path.',
    'Check the path.',
    'Check the table of `routes`, and whether something in front of the gateway rewrites paths.',
  ],
  method_not_allowed: [
    '`routes` with `otherwise: \'refuse\'` knows the path, but not with this method.',
    'The header `Allow` lists the methods.',
    'If the method should work, add it to the table.',
  ],
  request_timeout: [
    'The body was not whole within `bodyTimeout` of `validate`. Nothing was forwarded.',
    'Check the connection, and that the body is as long as its `Content-Length`.',
    'Raise `bodyTimeout` for routes with slow uploads. Many at once: look for slow clients on purpose.',
  ],
  content_too_large: [
    'The body is larger than `limit` of `validate`, as sent or decompressed.',
    'Send less, or in parts, if the interface allows it.',
    'If the size is right, raise `limit` for this route. A checked body is held in memory.',
  ],
  unsupported_media_type: [
    'The `Content-Type` is missing, is there twice, is not one that the route accepts, or has another charset than UTF-8.',
    'Send one `Content-Type` that the header `Accept` of the answer lists.',
    'If the type is right for the upstream, add it to `contentType`; it must be a JSON type.',
  ],
  unsupported_content_encoding: [
    'The body is compressed in a way that the gateway cannot undo for the check.',
    'Use an encoding that the header `Accept-Encoding` of the answer lists, or none.',
    'zstd depends on the version of Node. Several encodings on one body are not accepted.',
  ],
  client_closed_request: [
    'The client left before it had the whole response. Nobody gets this as an answer: it is for the log only. The call to the upstream was aborted, and the circuit does not count it.',
    'Nothing to do.',
    'A few are normal. Many at the same duration: the clients, or a load balancer before the gateway, have a shorter timeout than the upstream needs.',
  ],
  gateway_error: [
    'The application threw an error that no call to an upstream explains. A thrown error with a status from 500 on keeps that status.',
    'Report it with its `request_id`.',
    'A defect in the code of the gateway, most likely. The host logs it with its stack; `onError` has it too.',
  ],
  gateway_misconfigured: [
    'The request could not be forwarded or checked because of a setting: a target that is no URL, a port out of range, TLS options that no cipher fits, or a body parser mounted before `validate`.',
    'Report it with its `request_id`.',
    'The low-level error in the log names the setting. Compare with the last change of the configuration.',
  ],
  upstream_refused: [
    'Nothing accepts connections at the address of the upstream.',
    'Try again later; nothing was processed.',
    'Is the upstream running? Is it listening on this port, and on this interface rather than on its own loopback? Has it just been deployed? Is the target of the proxy right?',
  ],
  upstream_unreachable: [
    'There is no network path to the upstream. When the system of the gateway forbids the connection, the token is `destination_ip_prohibited` and the request is only retryable if it may be repeated.',
    'Try again later; nothing was processed.',
    'Check routes, network policies, firewall, VPN, and whether the host of the upstream is up.',
  ],
  upstream_connection_lost: [
    'The upstream reset or closed the connection before it answered. It may have processed the request.',
    'Repeat it when `retryable` is true. Otherwise find out first whether it was applied.',
    'Does the upstream crash or restart under this request? Does it close idle connections sooner than the agent of the gateway does? Its keep-alive timeout should be the longer one. Then load balancers in between.',
  ],
  upstream_dns_failed: [
    'The name of the upstream has no address, or the resolver failed.',
    'Try again later; nothing was processed.',
    'Check the spelling of the target, the record, and the resolver that the process uses (`/etc/resolv.conf`, the DNS of the cluster).',
  ],
  upstream_dns_timeout: [
    'The resolver did not answer in time.',
    'Try again later; nothing was processed.',
    'Check that the resolver is up and can be reached. Many slow lookups at once also wait for the threads of Node (`UV_THREADPOOL_SIZE`).',
  ],
  upstream_tls_certificate: [
    'The certificate has expired, is for another name, or no trusted authority has signed it.',
    'Report it; a retry meets the same certificate.',
    'Look at the certificate (`openssl s_client -connect host:port -servername host`). Renew it, correct the name, add the intermediate certificates, or give Node the authority with `NODE_EXTRA_CA_CERTS`. Is the clock of the gateway right? Do not switch verification off.',
  ],
  upstream_tls_failed: [
    'The two sides found no common protocol version or cipher, the upstream sent an alert (then the token is `tls_alert_received`), or the port does not speak TLS. In the last case nothing was processed, and `retryable` is true.',
    'Report it.',
    'Is the target `https:` on a port that speaks plain HTTP? Does the upstream ask for a client certificate? Compare the TLS versions of both.',
  ],
  upstream_protocol_error: [
    'What came is not HTTP, has a status outside of 200 to 599, has broken chunks or a transfer coding other than `chunked` (then the token is `http_response_transfer_coding`), or goes on after the end of the response.',
    'Repeat it when `retryable` is true, otherwise report it.',
    'Is the port the right one? Ask it by hand: `curl -v --http1.1`. Is it HTTPS, gRPC or HTTP/2 without TLS? The code `HPE_…` in the log says what the parser did not like.',
  ],
  upstream_headers_too_large: [
    'The header section of the response is larger than Node accepts (16 KiB by default).',
    'Cookies that grow may be the reason; try without them, then report it.',
    'Find the field that grows, most often `Set-Cookie`. `node --max-http-header-size` raises the bound.',
  ],
  upstream_response_incomplete: [
    'The connection ended before the response was whole. When its head was out already, the client has seen the upstream\'s status and then a cut connection; on a stream of events this body came as the last event.',
    'Do not use what has arrived as if it were all. Repeat it when `retryable` is true.',
    'Does the upstream crash while it answers, or run into its memory limit? Does a load balancer in between end long responses?',
  ],
  upstream_response_invalid: [
    'The response breaks the schema that the route has for it: its status, its `Content-Type`, its JSON, or a member; `errors` says where, with `in: \'response\'`. Or the application read the response as JSON, and it was none.',
    'Report it.',
    'Ask the upstream by hand. A page of HTML where JSON should be often comes from a load balancer or a login in between. The log hook has all that the schema found, in `error.options.errors` and `error.cause`. Where the schema is wrong, `mode: \'report\'` lets responses through until it is mended.',
  ],
  upstream_response_too_large: [
    'The HTTP client that the application uses has a limit for responses, and this one is larger. The gateway itself sets none.',
    'Ask for less: a page, a filter.',
    'Raise the limit of that client, or let the upstream answer in pages.',
  ],
  upstream_encoding_invalid: [
    'The application decompressed the response, and that failed. A proxy that passes bytes on never meets it.',
    'Report it.',
    'Does `Content-Encoding` say what the body is? Is something in between compressing twice?',
  ],
  upstream_upgrade_failed: [
    'The upstream switched protocols (101) though nobody had asked for it, or did something else where the application asked for it with undici. A WebSocket that the upstream refuses is not this: its answer passes.',
    'Report it.',
    'Does the upstream support the upgrade at this path? Does a proxy in between drop `Upgrade` and `Connection`?',
  ],
  upstream_error: [
    'A call to the upstream was made and something failed that has no code of its own: an unknown error of the connection, an error that the application threw after the call, or an error status that the upstream itself answered with and `upstreamErrors` or `intercept` wants replaced: then `upstream.status` has it, and the status of the answer is the same.',
    'Repeat it when `retryable` is true, otherwise report it.',
    'The log has the low-level error. If it is the application\'s own, it is a defect of the gateway after a call that went well.',
  ],
  upstream_rate_limited: [
    'The upstream answered with 429 and `upstreamErrors` is `\'wrap\'`, an HTTP client that throws for error statuses threw for a 429, or an HTTP/2 upstream told it to calm down (then the status is 503). Else a 429 stays the upstream\'s own answer.',
    'Send less, and wait before the next attempt.',
    'Compare the traffic with the quota of the upstream. Is one client using all of it?',
  ],
  upstream_overloaded: [
    'The upstream answered with 503 or 529 and `upstreamErrors` is `\'wrap\'`, an HTTP client that throws for error statuses threw for one, or an HTTP/2 upstream refused the stream. Else a 503 stays the upstream\'s own answer. After a 503 of the upstream a request is only retryable if it may be repeated.',
    'Wait, then try again.',
    'Look at load, queue and instances of the upstream. `capacity` of `circuitBreaker` bounds what the gateway sends at once.',
  ],
  loop_detected: [
    'The request came back: its `Via` or `CDN-Loop` has the `name` that was given to `problemDetails`. It was not forwarded again.',
    'Report it.',
    'Check that the target of the proxy is not the gateway itself, and that no proxy behind it sends requests back. It is found only where the proxy adds `Via` or `CDN-Loop` with this name; choose a name that no other gateway has.',
  ],
  circuit_open: [
    'The upstream has been failing, so the gateway leaves it in peace for a while. This request was not sent.',
    'Wait for `retry_after` seconds, then try again.',
    'Look for what opened the circuit: the problems of the same upstream just before. `breakers.list()` shows state and wait; `close()` closes it by hand once the upstream is well. See [circuitBreaker](guide.md#circuitbreaker).',
  ],
  concurrency_limit: [
    'As many requests as `capacity` allows are under way. This one was not sent.',
    'Wait for `retry_after` seconds, then try again.',
    'Has the upstream become slow, so that requests pile up? If it can take more, raise `capacity`.',
  ],
  gateway_overloaded: [
    'The gateway has no file descriptors, ports or memory left for a call.',
    'Wait, then try again.',
    '`EMFILE` in the log: raise `ulimit -n`, or look for a leak. `EADDRNOTAVAIL`: too many short connections; use an agent with `keepAlive`. Then memory.',
  ],
  gateway_shutting_down: [
    'The HTTP client of the gateway was closed while the request was under way. With undici, `retryable` is true.',
    'Try again; another instance will answer.',
    'Close clients and circuits only after the server has finished its last requests.',
  ],
  upstream_connect_timeout: [
    'No connection was established in time: by `connectTimeout`, by the HTTP client, or by the system.',
    'Try again later; nothing was processed.',
    'A firewall that drops packets in silence looks like this. Else the host is down, or its queue of connections is full.',
  ],
  upstream_timeout: [
    'No response within `timeout` or `totalTimeout` of `circuitBreaker`, or within a timeout of the proxy\'s own. The call was aborted. The upstream may have processed the request.',
    'Repeat it when `retryable` is true. Otherwise find out first whether it was applied.',
    'Is the upstream slow for this request only, or for all? Look at its load, its database and its own dependencies. Raise the timeout only if the time is right for what is asked.',
  ],
  upstream_idle_timeout: [
    'The upstream sent nothing for `idleTimeout` in the middle of a response. Its head was out, so the client has seen the upstream\'s status and then a cut connection, and on a stream of events this body as the last event. As an answer of its own it comes from an HTTP client with such a timeout.',
    'Do not use what has arrived as if it were all. Repeat it when `retryable` is true.',
    'A stream that is silent for long should send a comment from time to time (`:` and a line end). Else raise `idleTimeout` for it.',
  ],
}
