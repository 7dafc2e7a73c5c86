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

function post(path: string, token: string, body: object): string {
  const json = JSON.stringify(body)
  const head = [
    `POST ${path} HTTP/1.1`,
    'Host: 127.0.0.1',
    `Authorization: Bearer ${token}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(json)}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${json}`
}
