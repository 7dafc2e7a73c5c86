/** A result of the libSQL protocol. It has several forms. */
// biome-ignore lint/suspicious/noExplicitAny: tests read the fields of the form that they expect
export type LibsqlResult = any

interface SendOptions {
  readonly token?: string | undefined
  readonly method?: string
  readonly headers?: Record<string, string>
}

/** Sends requests of the libSQL protocol to a database, as clients do. */
export class LibsqlClient {
  readonly #url: string
  readonly #token: string

  /** `url` ends with a slash. */
  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /** Sends a request and returns the response with its text. */
  async send(path: string, body?: unknown, { token = this.#token, method = 'POST', headers }: SendOptions = {}) {
    const response = await fetch(new URL(path, this.#url), {
      method,
      headers: { ...(token && { Authorization: `Bearer ${token}` }), 'Content-Type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, text, body: parse(text) }
  }

  /** Sends a pipeline and returns its results. @throws Error for an error of the whole request */
  async pipeline(requests: readonly object[], baton: string | null = null, options: SendOptions = {}) {
    const { status, text, body } = await this.send('v3/pipeline', { baton, requests }, options)
    if (status !== 200) throw Object.assign(new Error(text), { status, ...body })
    return body as { readonly baton: string | null; readonly results: readonly LibsqlResult[] }
  }

  /** Runs one statement in a stream of its own, and returns its result. @throws Error with the error of the protocol */
  async run(sql: string, args: readonly object[] | Readonly<Record<string, object>> = [], options: SendOptions = {}) {
    const { results } = await this.pipeline([execute(sql, args), close], null, options)
    const [first] = results
    if (first.type === 'error') throw Object.assign(new Error(first.error.message), first.error)
    return first.response.result as LibsqlResult
  }

  /** Runs one statement and returns its rows, without the types of the values. */
  async rows(sql: string, args: readonly object[] = [], options: SendOptions = {}) {
    const { rows } = await this.run(sql, args, options)
    return rows.map((row: LibsqlResult[]) => row.map(({ value, base64 }) => value ?? base64 ?? null)) as unknown[][]
  }

  /** Runs a batch in a cursor, and returns its lines. */
  async cursor(steps: readonly object[], baton: string | null = null) {
    const { status, text } = await this.send('v3/cursor', { baton, batch: { steps } })
    if (status !== 200) throw new Error(text)
    return text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as LibsqlResult)
  }
}

export const close = { type: 'close' }

/** A statement. Its arguments are values of the protocol, by position or by name. */
export const stmt = (sql: string, args: readonly object[] | Readonly<Record<string, object>> = []) =>
  Array.isArray(args)
    ? { sql, args, want_rows: true }
    : { sql, named_args: Object.entries(args).map(([name, value]) => ({ name, value })), want_rows: true }

export const execute = (sql: string, args: readonly object[] | Readonly<Record<string, object>> = []) => ({
  type: 'execute',
  stmt: stmt(sql, args),
})

/** The steps of a batch: each runs if the one before succeeded. */
export const chain = (...texts: readonly string[]) =>
  texts.map((sql, i) => ({ stmt: stmt(sql), condition: i === 0 ? undefined : { type: 'ok', step: i - 1 } }))

/** The steps of a transaction as `client.batch` sends them. */
export function transactionSteps(begin: string, ...texts: readonly string[]) {
  const steps = chain(begin, ...texts, 'COMMIT')
  const last = { type: 'ok', step: steps.length - 1 }
  return [...steps, { stmt: stmt('ROLLBACK'), condition: { type: 'not', cond: last } }]
}

export const batch = (steps: readonly object[]) => ({ type: 'batch', batch: { steps } })

export const text = (value: string) => ({ type: 'text', value })
export const integer = (value: bigint | number) => ({ type: 'integer', value: `${value}` })
export const float = (value: number) => ({ type: 'float', value })

function parse(text: string): LibsqlResult {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
