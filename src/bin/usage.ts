/** The command was called in a way that it does not know; the message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** What `--help` prints. */
export const HELP = `Usage: good-gateway diagnose [options] URL
       good-gateway diagnose --explain CODE

Finds out why a call to an HTTP API fails, from here: the name, the connection, TLS, the call
itself, whose answer it is, and what is in it. Ends with one code, its cause, and what to do.

The call, as curl writes it:
  -X, --request METHOD     its method (GET, or POST with -d)
  -H, --header 'N: V'      a header field; again for each
  -d, --data TEXT          its body; @FILE reads a file, @- the standard input

What it is compared with:
  --openapi FILE           an OpenAPI 3.0 or 3.1 document, JSON or YAML: request and response
  --schema FILE            a JSON Schema of the response
  --request-schema FILE    a JSON Schema of the request

How it is looked at:
  --timeout SECONDS        longest wait in each step (10)
  --idle SECONDS           pause between two requests on one connection (7); 0 for none
  --resolver ADDRESS       ask this DNS server instead of the system; again for more

  --json                   print the report as JSON
  --explain CODE           print what a code means, and what to do about it
  -h, --help               print this
  --version                print the version

Exit status: 0 all is well, 1 there is a problem, 2 the command was called wrongly.
Credentials, user names, passwords and the values of the query are never printed.
`
