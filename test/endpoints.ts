import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PlatformClient, RequestOptions } from './harness.ts'

type Namespace = Awaited<ReturnType<PlatformClient['createNamespace']>>

const credentials = [
  { name: 'email', type: 'email', required: true },
  { name: 'password', type: 'text', required: true },
]
const users = { usersTable: 'users', sessionTtlSec: 3600 }

/** Specs that tests publish. Each is valid with the tables of `prepare`. */
export const specs = {
  list: {
    slug: 'list-notes',
    name: 'Notes of an author',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT id, text FROM notes WHERE author = ? ORDER BY id',
    input: [{ name: 'author', type: 'text', required: true, maxLength: 200 }],
    output: 'rows',
  },
  add: {
    slug: 'add-note',
    name: 'Write a note',
    kind: 'mutation',
    method: 'POST',
    sql: 'INSERT INTO notes (author, text) VALUES (?, ?)',
    input: [
      { name: 'author', type: 'text', required: true, maxLength: 200 },
      { name: 'text', type: 'text', required: true },
    ],
    output: 'rows_written',
  },
  signup: {
    slug: 'signup',
    name: 'Sign up',
    kind: 'auth_signup',
    method: 'POST',
    sql: 'INSERT INTO users (email, password_hash) VALUES (?, ?) RETURNING id',
    input: credentials,
    output: 'session',
    authConfig: users,
  },
  login: {
    slug: 'login',
    name: 'Log in',
    kind: 'auth_login',
    method: 'POST',
    sql: 'SELECT id, email, password_hash FROM users WHERE email = ?',
    input: credentials,
    output: 'session',
    authConfig: users,
  },
  me: {
    slug: 'me',
    name: 'Me',
    kind: 'query',
    method: 'GET',
    sql: 'SELECT ? AS id, ? AS email, ? AS iat',
    input: [
      { name: '$user_id', type: 'integer' },
      { name: '$user_email', type: 'text' },
      { name: '$session_iat', type: 'integer' },
    ],
    output: 'first_row',
    auth: 'session',
  },
} as const

/** Creates a database with notes and users, and functions to manage and call its endpoints. */
export async function createEndpoints(platform: PlatformClient, { namespace, db }: Namespace, database = 'main') {
  const admin = db(database)
  const made = await admin.batch([
    { sql: 'CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY, author TEXT, text TEXT NOT NULL UNIQUE)' },
    { sql: 'CREATE TABLE IF NOT EXISTS users (id INTEGER PRIMARY KEY, email TEXT UNIQUE, password_hash TEXT)' },
    { sql: "INSERT OR IGNORE INTO notes (author, text) VALUES ('ada', 'first'), ('bob', 'second')" },
  ])
  if (made.status !== 200) throw new Error(JSON.stringify(made.body))
  const manage = (suffix = '', options: RequestOptions = {}) => admin.request(`/endpoints${suffix}`, options)
  return {
    admin,
    manage,
    call: (path: string, options: RequestOptions = {}) =>
      platform.request(`/p/${namespace.slug}/${database}/${path}`, options),
    /** Saves and publishes a spec. */
    async publish(spec: { slug: string }) {
      const created = await manage('', { body: spec })
      const answer = await manage(`/${spec.slug}/publish`, { body: {} })
      if (answer.status !== 200) throw new Error(JSON.stringify([created.body, answer.body]))
    },
  }
}

/** Starts a stand-in for an HTTP service; `answer` receives the request. */
export async function standIn(answer: (body: string, path: string) => { status?: number; body: unknown } | 'hang') {
  const asked: { path: string; body: string; headers: NodeJS.Dict<string | string[]> }[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked.push({ path: request.url ?? '', body, headers: request.headers })
    const given = answer(body, request.url ?? '')
    if (given === 'hang') return
    response.writeHead(given.status ?? 200, { 'Content-Type': 'application/json' })
    response.end(typeof given.body === 'string' ? given.body : JSON.stringify(given.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
