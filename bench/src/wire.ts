import type { WireRequest } from './load/closed-loop.ts'

/** A database address with a token for it. */
export interface Place {
  namespace: string
  database: string
  token: string
}

/** Returns the request of a database call. */
export function call({ namespace, database, token }: Place, name: string, body: object, expect: string): WireRequest {
  return { text: post(`/v1/db/${namespace}/${database}/${name}`, token, body), expect }
}

/** Returns the request of an endpoint call. */
export function get({ namespace, database }: Place, path: string, expect: string): WireRequest {
  return { text: `GET /p/${namespace}/${database}/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, expect }
}

/** Returns the request of an MCP tool call in the protocol of 2025, which all clients support. */
export function tool({ database, token }: Place, name: string, given: object, expect: string): WireRequest {
  const params = { name, arguments: { database, ...given } }
  const accept = 'Accept: application/json, text/event-stream'
  return { text: post('/mcp', token, { jsonrpc: '2.0', id: 1, method: 'tools/call', params }, [accept]), expect }
}

function post(path: string, token: string, body: object, more: readonly string[] = []): string {
  const json = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    ...more,
    `Content-Length: ${Buffer.byteLength(json)}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${json}`
}
