import type { Code } from '../errors/codes.js'

/** What docs/problems.md says of a code, in its Markdown. */
export type Advice = readonly [happened: string, client: string, operator: string]

// Written from docs/problems.md by `npm run write-advice`: change it there.
// prettier-ignore
export const advice: Readonly<Record<Code, Advice>> = {
  request_invalid: [
    'The body, the query, a path parameter, a header field or a cookie does not match the schema of the route. Or the route needs a body and there is none.',
    'Read `errors`: `in` names the part, `pointer` or `name` the place, `detail` what was expected. Correct the request and send it again.',
    'Nothing is broken. If many clients get it at once, compare the schema with what the upstream accepts: the schema may be too strict.',
  ],
  request_malformed: [
    'The body is not valid JSON, or parsers could read it in different ways, or its compression is broken, or the path can be read in more than one way. `detail` says which, and for JSON the line and column.',
    'Let a JSON library write the body, in UTF-8, with no name twice in an object. Write the path without `//`, dot segments and escapes that are not needed.',
    'From one client only: ask its developer. Suddenly from many clients: something in front of the gateway changes bodies, or somebody is looking for weaknesses.',
  ],
  request_unsupported: [
    'The gateway translates the requests of this route for an upstream that speaks another format, and a part of this request has no counterpart there. Nothing was sent.',
    'Read `errors`: `pointer` names the member, `detail` what is possible. Leave the member out, or give it another value.',
    'Nothing is broken. If clients need the member, extend the transform, or lead them to an upstream that has it.',
  ],
  request_rejected: [
    'The application threw an error with a status from 400 to 499, such as 401 or 403. Status and headers are those of the error; its message is the `detail` if the error allows that. With 429, `retryable` is true.',
    'Read the status and `detail`.',
    'Look in the code of the gateway for the place that throws this status. The upstream was not the reason.',
  ],
  route_not_found: [
    '`routes` with `otherwise: \'refuse\'` has no route for the path.',
    'Check the path.',
    'Check the table of `routes`, and whether something in front of the gateway changes paths.',
  ],
  method_not_allowed: [
    '`routes` with `otherwise: \'refuse\'` has routes for the path, but none for this method.',
    'The header `Allow` lists the methods.',
    'If the method should work, add it to the table.',
  ],
  request_timeout: [
    'The whole body did not arrive within `bodyTimeout` of `validate`. Nothing was forwarded.',
    'Check the connection, and that the body is as long as its `Content-Length`.',
    'Raise `bodyTimeout` for routes with slow uploads. If there are many at once, look for clients that are slow on purpose (a Slowloris attack).',
  ],
  content_too_large: [
    'The body is larger than `limit` of `validate`, as sent or decompressed.',
    'Send less, or send it in parts, if the API allows that.',
    'If the size is right, raise `limit` for this route. A checked body is held in memory.',
  ],
  unsupported_media_type: [
    'The `Content-Type` is missing, is there twice, is not one that the route accepts, or has a charset other than UTF-8.',
    'Send one `Content-Type` that the header `Accept` of the answer lists.',
    'If the type is right for the upstream, add it to `contentType`; it must be a JSON type.',
  ],
  unsupported_content_encoding: [
    'The gateway cannot decompress the body for the check.',
    'Use an encoding that the header `Accept-Encoding` of the answer lists, or none.',
    'zstd depends on the version of Node. Several encodings on one body are not accepted.',
  ],
  client_closed_request: [
    'The client closed the connection before it had the whole response. Nobody gets this as an answer: it is for the log only. The call to the upstream was aborted, and the circuit does not count it.',
    'Nothing to do.',
    'A few are normal. If many have the same duration, the clients, or a load balancer in front of the gateway, have a shorter timeout than the upstream needs.',
  ],
  gateway_error: [
    'The application threw an error, and no call to an upstream had failed. A thrown error with a status from 500 on keeps that status.',
    'Report it with its `request_id`.',
    'Most likely a defect in the code of the gateway. The host logs it with its stack; `onError` has it too.',
  ],
  gateway_misconfigured: [
    'The request could not be forwarded or checked because of a setting: a target that is not a URL, a port out of range, TLS options without a common cipher, a body parser mounted before `validate` or before the proxy, or a length, path or field that the gateway itself has made wrong. With the status 502, a proxy between the gateway and the upstream asks for credentials.',
    'Report it with its `request_id`.',
    'The low-level error in the log names the setting. Look at the last change of the configuration.',
  ],
  upstream_refused: [
    'Nothing accepts connections at the address of the upstream.',
    'Try again later; nothing was processed.',
    'Is the upstream running? Does it listen on this port, and on this interface instead of its own loopback interface? Has it just been deployed? Is the target of the proxy right?',
  ],
  upstream_unreachable: [
    'There is no network path to the upstream. If the operating system of the gateway forbids the connection, the token is `destination_ip_prohibited` and the request is retryable only if it may be repeated.',
    'Try again later; nothing was processed.',
    'Check routes, network policies, firewall, VPN, and whether the host of the upstream is up.',
  ],
  upstream_connection_lost: [
    'The upstream reset or closed the connection before it answered. It may have processed the request.',
    'Repeat it if `retryable` is true. Otherwise find out first whether the upstream has processed it.',
    'Does the upstream crash or restart during this request? Does it close idle connections earlier than the agent of the gateway does? Its keep-alive timeout should be the longer one. Then check load balancers between the two.',
  ],
  upstream_dns_failed: [
    'The name of the upstream has no address, or the resolver failed.',
    'Try again later; nothing was processed.',
    'Check the spelling of the target, the record, and the resolver that the process uses (`/etc/resolv.conf`, the DNS of the cluster).',
  ],
  upstream_dns_timeout: [
    'The resolver did not answer in time.',
    'Try again later; nothing was processed.',
    'Check that the resolver is up and reachable. If there are many slow lookups at once, they also wait for the threads of Node (`UV_THREADPOOL_SIZE`).',
  ],
  upstream_tls_certificate: [
    'The certificate has expired, is for another name, or is not signed by a trusted authority.',
    'Report it; a retry gets the same certificate.',
    'Look at the certificate (`openssl s_client -connect host:port -servername host`). Renew it, correct the name, add the intermediate certificates, or give Node the authority with `NODE_EXTRA_CA_CERTS`. Is the clock of the gateway right? Do not turn verification off.',
  ],
  upstream_tls_failed: [
    'The two sides have no common protocol version or cipher, the upstream sent an alert (then the token is `tls_alert_received`), or the port does not speak TLS. In the last case nothing was processed, and `retryable` is true.',
    'Report it.',
    'Is the target `https:` on a port that speaks plain HTTP? Does the upstream ask for a client certificate? Compare the TLS versions of both.',
  ],
  upstream_protocol_error: [
    'The response is not HTTP, has a status outside of 200 to 599, has broken chunks or a transfer coding other than `chunked` (then the token is `http_response_transfer_coding`), or has more bytes after its end.',
    'Repeat it if `retryable` is true, otherwise report it.',
    'Is the port the right one? Call it by hand: `curl -v --http1.1`. Does it speak HTTPS, gRPC or HTTP/2 without TLS? The code `HPE_…` in the log says what the parser refused.',
  ],
  upstream_headers_too_large: [
    'The header section of the response is larger than Node accepts (16 KiB by default).',
    'The reason may be cookies that grow. Try without them, then report it.',
    'Find the field that grows, most often `Set-Cookie`. `node --max-http-header-size` raises the limit.',
  ],
  upstream_response_incomplete: [
    'The connection ended before the response was complete. If its head was out already, the client has seen the upstream\'s status and then a cut connection; on a stream of events this body came as the last event.',
    'Do not use the part that has arrived as if it were complete. Repeat the request if `retryable` is true.',
    'Does the upstream crash while it answers, or reach its memory limit? Does a load balancer in between end long responses?',
  ],
  upstream_response_invalid: [
    'The response does not match the schema that the route has for it: its status, its `Content-Type`, its JSON, or a member; `errors` says where, with `in: \'response\'`. Or the application read the response as JSON, and it was not JSON.',
    'Report it.',
    'Call the upstream by hand. An HTML page instead of JSON often comes from a load balancer or a login page in between. The log hook has all that the schema found, in `error.options.errors` and `error.cause`. If the schema is wrong, `mode: \'report\'` lets responses pass until it is fixed.',
  ],
  upstream_response_too_large: [
    'The HTTP client that the application uses has a limit for responses, and this one is larger. good-gateway itself has none.',
    'Ask for less: one page, or a filter.',
    'Raise the limit of that client, or let the upstream answer in pages.',
  ],
  upstream_encoding_invalid: [
    'The application decompressed the response, and that failed. A proxy that passes the bytes on does not decompress them.',
    'Report it.',
    'Does `Content-Encoding` say what the body is? Is something in between compressing twice?',
  ],
  upstream_upgrade_failed: [
    'The upstream switched protocols (101) although nobody had asked for it, or did not switch although the application asked for it with undici. The answer of an upstream that refuses a WebSocket is not this: it passes.',
    'Report it.',
    'Does the upstream support the upgrade at this path? Does a proxy in between remove `Upgrade` and `Connection`?',
  ],
  upstream_error: [
    'A call to the upstream was made, and a failure followed that has no code of its own: an unknown error of the connection, or an error that the application threw after the call. Or the upstream itself answered with an error status, and `upstreamErrors` or `intercept` replaces its body: then `upstream.status` and the status of the answer are the upstream\'s.',
    'Repeat it if `retryable` is true, otherwise report it.',
    'The log has the low-level error. If the application threw it, it is a defect of the gateway after a call that succeeded.',
  ],
  upstream_rate_limited: [
    'One of three things: the upstream answered with 429 and `upstreamErrors` is `\'wrap\'`; an HTTP client that throws for error statuses threw for a 429; or an HTTP/2 upstream sent ENHANCE_YOUR_CALM (then the status is 503). Every other 429 passes as the upstream\'s own answer.',
    'Send fewer requests, and wait before the next one.',
    'Compare the traffic with the quota of the upstream. Does one client use all of it?',
  ],
  upstream_overloaded: [
    'One of three things: the upstream answered with 503 or 529 and `upstreamErrors` is `\'wrap\'`; an HTTP client that throws for error statuses threw for one; or an HTTP/2 upstream refused the stream. Every other 503 passes as the upstream\'s own answer. After a 503 of the upstream, a request is retryable only if it may be repeated.',
    'Wait, then try again.',
    'Look at load, queue and instances of the upstream. `capacity` of `circuitBreaker` limits the requests that the gateway sends at the same time.',
  ],
  loop_detected: [
    'The request came back: its `Via` or `CDN-Loop` has the `name` that was given to `problemDetails`. It was not forwarded again.',
    'Report it.',
    'Check that the target of the proxy is not the gateway itself, and that no proxy behind it sends requests back. A loop is found only if the proxy adds `Via` or `CDN-Loop` with this name; choose a name that no other gateway has.',
  ],
  circuit_open: [
    'Too many calls to the upstream have failed, so the gateway does not call it for a while. This request was not sent.',
    'Wait for `retry_after` seconds, then try again.',
    'Look for the reason: the problems of the same upstream just before. `breakers.list()` shows state and wait; `close()` closes the circuit by hand when the upstream works again. See [circuitBreaker](guide/circuit-breaker.md).',
  ],
  concurrency_limit: [
    'As many requests as `capacity` allows are in progress. This one was not sent.',
    'Wait for `retry_after` seconds, then try again.',
    'Has the upstream become slow, so that its requests take longer? If it can serve more at the same time, raise `capacity`.',
  ],
  gateway_overloaded: [
    'The gateway has no file descriptors, ports or memory left for a call.',
    'Wait, then try again.',
    '`EMFILE` in the log: raise `ulimit -n`, or look for a leak of connections. `EADDRNOTAVAIL`: there are too many short connections; use an agent with `keepAlive`. Then check the memory.',
  ],
  gateway_shutting_down: [
    'The HTTP client of the gateway was closed during the request. With undici, `retryable` is true.',
    'Try again; another instance will answer.',
    'Close clients and circuits only after the server has finished its last requests.',
  ],
  upstream_connect_timeout: [
    'No connection was established in time. The limit was that of `connectTimeout`, of the HTTP client or of the operating system.',
    'Try again later; nothing was processed.',
    'A firewall that drops packets without an answer looks like this. Else the machine is down, or its queue of new connections is full.',
  ],
  upstream_timeout: [
    'There was no response within `timeout` or `totalTimeout` of `circuitBreaker`, or within a timeout of the proxy itself. The call was aborted. The upstream may have processed the request.',
    'Repeat it if `retryable` is true. Otherwise find out first whether the upstream has processed it.',
    'Is the upstream slow for this request only, or for all? Look at its load, its database and the services that it calls. Raise the timeout only if this request really needs the time.',
  ],
  upstream_idle_timeout: [
    'The upstream sent nothing for `idleTimeout` in the middle of a response. Its head was out, so the client has seen the upstream\'s status and then a cut connection; on a stream of events this body came as the last event. If it is the answer itself, an HTTP client of the application has such a timeout.',
    'Do not use the part that has arrived as if it were complete. Repeat the request if `retryable` is true.',
    'A stream that is silent for long should send a comment from time to time (`:` and a line end). Else raise `idleTimeout` for it.',
  ],
}
