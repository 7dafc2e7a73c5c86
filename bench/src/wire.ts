import type { WireRequest } from './load/closed-loop.ts'

/** A database as a client reaches it. */
export interface Place {
  namespace: string
  database: string
  token: string
}

/** One call of the database's API as it goes over the wire. */
export function call({ namespace, database, token }: Place, name: string, body: object, expect: string): WireRequest {
  return { text: post(`/v1/db/${namespace}/${database}/${name}`, token, body), expect }
}

/** One call of a public endpoint. */
export function get({ namespace, database }: Place, path: string, expect: string): WireRequest {
  return { text: `GET /p/${namespace}/${database}/${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`, expect }
}

/** One call of a tool over MCP, in the era of 2025, which all clients speak. */
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
