import { DurableObject } from 'cloudflare:workers'

interface Statement {
  sql: string
  params?: unknown[]
}

interface Tool {
  id: number
  params: { arguments: Statement & { database: string } }
}

interface Env {
  DATABASES: {
    getByName(name: string): {
      query(body: string): Promise<string>
      batch(body: string): Promise<string>
      item(id: string): Promise<string>
    }
  }
}

const json = { headers: { 'content-type': 'application/json' } }

/** Runs every statement it receives, without tokens, authorizer and meter. */
export class Database extends DurableObject {
  query(body: string): string {
    return `{"success":true,"data":${this.#run(JSON.parse(body))}}`
  }

  batch(body: string): string {
    const { statements }: { statements: Statement[] } = JSON.parse(body)
    return this.ctx.storage.transactionSync(() => {
      const results = statements.map((statement) => this.#run(statement))
      return `{"success":true,"data":{"results":[${results.join(',')}]}}`
    })
  }

  /** Serves the only endpoint of the floor. */
  item(id: string): string {
    return `{"ok":true,"data":${this.#run({ sql: 'select id, name, value from items where id = ?', params: [Number(id)] })}}`
  }

  #run({ sql, params = [] }: Statement): string {
    const cursor = this.ctx.storage.sql.exec(sql, ...params)
    const rows = Array.from(cursor.raw())
    const { columnNames, rowsRead, rowsWritten } = cursor
    return JSON.stringify({ columns: columnNames, rows, rowsRead, rowsWritten })
  }
}

// The floor runs with the platform's configuration, which names these classes.
export class Namespace extends DurableObject {}
export class Directory extends DurableObject {}

/**
 * The minimal path from a Worker over a Durable Object to `sql.exec` and JSON, with the routes and bodies of the
 * platform.
 */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, place, id] = /\/p\/(\w+\/\w+)\/item\?id=(\d+)$/.exec(request.url) ?? []
    if (place && id) return new Response(await env.DATABASES.getByName(place).item(id), json)
    if (request.url.endsWith('/mcp')) {
      // A token is for one namespace, and the benchmark has one.
      const { id: call, params } = (await request.json()) as Tool
      const { database, ...statement } = params.arguments
      const answer = await env.DATABASES.getByName(`acme/${database}`).query(JSON.stringify(statement))
      return new Response(`{"jsonrpc":"2.0","id":${call},"result":{"structuredContent":${answer}}}`, json)
    }
    // http://host/v1/db/<namespace>/<database>/<call>
    const [, , , , , namespace, database, call] = request.url.split('/')
    if (call === undefined) return new Response('ok')
    if (call === 'endpoints') return new Response('{"success":true}', json)
    const object = env.DATABASES.getByName(`${namespace}/${database}`)
    const body = await request.text()
    return new Response(await (call === 'batch' ? object.batch(body) : object.query(body)), json)
  },
}
