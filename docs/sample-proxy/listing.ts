import { about, type FaultName, faultNames } from './fault-table.js'

const JSON_TYPE = "-H 'content-type: application/json'"

interface Try {
  /** What the reader will see, in one sentence. */
  readonly see: string
  /** The lines of the command. */
  readonly command: readonly string[]
}

/**
 * The text that the sample proxy prints at its start and serves at `GET /`: a command for each
 * behaviour. No line is longer than 100 columns as long as the base URL is not longer than 30.
 */
export function listing(base: string): string {
  return [
    'good-gateway: a Koa proxy in front of upstreams that fail in every way.',
    `It listens on ${base}; paste a command into a terminal.`,
    ...heading('Requests are checked before they are forwarded'),
    ...requests(base).flatMap(lines),
    ...heading('Webhooks of GitHub and a chat that streams'),
    ...streams(base).flatMap(lines),
    ...heading('A circuit that opens'),
    ...lines(circuit(base)),
    ...heading('What the gateway counts, for Prometheus'),
    ...lines({ see: 'Requests, calls and circuits.', command: [`curl ${base}/metrics`] }),
    ...heading('What the proxy tells of itself'),
    ...operations(base).flatMap(lines),
    ...heading('Faults of the upstream, seen through the guarded proxy and through the bare one'),
    ...faultNames.flatMap(fault(base)),
    '',
  ].join('\n')
}

function heading(title: string): readonly string[] {
  return ['', title, '-'.repeat(title.length)]
}

function lines({ see, command }: Try): readonly string[] {
  return ['', `  # ${see}`, ...command.map(indent)]
}

function indent(line: string, index: number): string {
  return index === 0 ? `  ${line}` : `    ${line}`
}

function requests(base: string): readonly Try[] {
  const post = (body: string, header = JSON_TYPE) => [
    `curl -i ${base}/orders ${header} \\`,
    `-d '${body}'`,
  ]
  return [
    {
      see: '200: an order of the upstream; orders 1 to 3 exist.',
      command: get(`${base}/orders/1`),
    },
    { see: "404 in the upstream's own words, untouched.", command: get(`${base}/orders/99`) },
    {
      see: '201: forwarded byte for byte; the upstream answers with the SHA-256 of what it received.',
      command: post('{"customer":"Ada","items":[{"sku":"tea","qty":2}]}'),
    },
    {
      see: '400 request_invalid: "errors" points at the place that breaks the schema.',
      command: post('{"customer":"Ada","items":[{"sku":"tea","qty":0}]}'),
    },
    {
      see: '415 unsupported_media_type: "Accept" says what the route takes.',
      command: post('customer=Ada', "-H 'content-type: text/plain'"),
    },
    { see: '400 request_malformed: this is not JSON.', command: post('{"customer":') },
  ]
}

function streams(base: string): readonly Try[] {
  const hook = `curl -i ${base}/hooks/ping ${JSON_TYPE}`
  const ping = `node -p 'JSON.stringify(require("@octokit/webhooks-examples")`
  const chat = (stream: boolean) => [
    `curl -N ${base}/v1/chat/completions ${JSON_TYPE} \\`,
    `-d '{"model":"sample","stream":${stream},"messages":[{"role":"user","content":"Hello"}]}'`,
  ]
  return [
    {
      see: '202: a ping as GitHub sends it reaches the receiver.',
      command: [ping, `.find((hook) => hook.name === "ping").examples[1])' |`, `${hook} -d @-`],
    },
    {
      see: '400 request_invalid: a ping without its hook.',
      command: [`${hook} -d '{"zen":"Less."}'`],
    },
    { see: '200: a completion in one piece.', command: chat(false) },
    { see: '200: a completion word by word; Ctrl-C stops the upstream, too.', command: chat(true) },
  ]
}

function circuit(base: string): Try {
  return {
    see: '502 ten times, then 503 circuit_open with Retry-After: the upstream gets no more requests.',
    command: [
      'for i in $(seq 12); do',
      `curl -s -o /dev/null -w '%{http_code}\\n' ${base}/faults/refused; done`,
    ],
  }
}

function operations(base: string): readonly Try[] {
  return [
    {
      see: '200: the page for a browser, as JSON: circuits, upstreams, problems.',
      command: [`curl -i ${base}/status -H 'accept: application/json'`],
    },
    {
      see: 'The same as events, whenever something changes.',
      command: [`curl -N ${base}/status -H 'accept: text/event-stream'`],
    },
    {
      see: '200: ready, with a warning for each circuit that is open.',
      command: get(`${base}/readyz`),
    },
  ]
}

// Two commands that belong together, under one comment each.
const fault =
  (base: string) =>
  (name: FaultName): readonly string[] => {
    const { title, expect, bare } = about[name]
    return [
      '',
      `  # ${title}`,
      `  #   guarded: ${expect}`,
      `  curl -iN ${base}/faults/${name}`,
      `  #   bare: ${bare}`,
      `  curl -iN -m 5 ${base}/bare/faults/${name}`,
    ]
  }

function get(url: string): readonly string[] {
  return [`curl -i ${url}`]
}
