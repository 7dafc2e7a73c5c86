import type { Page } from '../database/copy/rows.ts'
import { rebuilds } from '../database/copy/rows.ts'
import type { Env } from '../env.ts'
import { databaseObject } from '../objects.ts'
import type { Reply } from '../reply.ts'
import { sqliteDownload } from '../sqlite-file/download.ts'

/** What of a request to export counts here. */
export interface ExportParams {
  readonly ns: string
  readonly db: string
  readonly format?: string
}

/** Streams a copy that was made for this as an SQL dump, and ends the copy when it is read or left. */
export async function exported({ body }: Reply, { ns, db, format }: ExportParams, env: Env): Promise<Response> {
  const { snapshot } = (JSON.parse(body) as { data: { snapshot: string } }).data
  if (format === 'sqlite') return sqliteDownload(env, ns, db, snapshot)
  const { source } = databaseObject(env, ns, `${db}@${snapshot}`)
  const { copy, schema } = await source.begin(undefined, true)
  source.hold(copy).catch(() => {
    // Cut off: the next page tells.
  })
  const utf8 = new TextEncoder()
  const end = async () => {
    await source.end(copy)
    await databaseObject(env, ns, db).endExport(snapshot)
  }
  let begun = false
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (!begun) {
        begun = true
        const tables = schema.tables.map(({ sql }) => `${sql};\n`).join('')
        controller.enqueue(utf8.encode(`PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n${tables}`))
        return
      }
      const page = await source.next(copy)
      if (page) {
        controller.enqueue(utf8.encode(textOf(page)))
        return
      }
      const others = [...schema.others.map(({ sql }) => sql), ...rebuilds(schema)]
      controller.enqueue(utf8.encode(`${others.map((sql) => `${sql};\n`).join('')}COMMIT;\n`))
      controller.close()
      await end()
    },
    cancel: end,
  })
  return new Response(stream, {
    headers: {
      'Content-Type': 'application/sql',
      'Content-Disposition': `attachment; filename="${db}.sql"`,
      'Cache-Control': 'no-store',
    },
  })
}

const textOf = ({ statements }: Page): string => statements.map(({ sql }) => `${sql};\n`).join('')
