import type { Api, Parsed } from '@persql/contract'
import { databaseObject } from '../../api/objects.ts'
import type { RowFormat } from '../../database/transfer/export-rows.ts'
import { copyError } from '../../database/versions/copy/failure.ts'
import { toPortableSql } from '../../database/versions/copy/portable-schema.ts'
import type { CopySource } from '../../database/versions/copy/source.ts'
import type { Env } from '../../env.ts'
import type { Remote } from '../../remote.ts'
import type { Reply } from '../../reply.ts'
import type { Page } from '../../sqlite/rows.ts'
import { rebuilds } from '../../sqlite/rows.ts'
import { sqliteDownload } from './sqlite-download.ts'

type Input = Parsed<Api['export_database']>

const types = { sql: 'application/sql', csv: 'text/csv; charset=utf-8', ndjson: 'application/x-ndjson' } as const

/** Streams the copy that was created for this export. Ends the copy when the stream is read to its end or canceled. */
export async function streamExport(
  { body }: Reply,
  { ns, db, format = 'sql', table = '' }: Pick<Input, 'ns' | 'db'> & Partial<Input>,
  env: Env,
): Promise<Response> {
  const { snapshot } = (JSON.parse(body) as { data: { snapshot: string } }).data
  if (format === 'sqlite') return sqliteDownload(env, ns, db, snapshot)
  const { source } = databaseObject(env, ns, `${db}@${snapshot}`)
  let copy: number | undefined
  const end = async () => {
    if (copy !== undefined) await source.end(copy)
    await databaseObject(env, ns, db).endExport(snapshot)
  }
  const failed = async (cause: unknown) => {
    await end()
    return copyError(cause)
  }
  let texts: AsyncGenerator<string>
  let first: IteratorResult<string> | undefined
  try {
    const text = format === 'sql' ? await dump(source) : await tableRows(source, table, format)
    copy = text.copy
    texts = text.texts
    // The first read happens before the status is sent: later, a failure can only cut the connection.
    first = await texts.next()
  } catch (cause) {
    throw await failed(cause)
  }
  source.hold(copy).catch(() => {
    // The copy ended early. The next read throws the error.
  })
  const utf8 = new TextEncoder()
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { value, done } = first ?? (await texts.next())
        first = undefined
        if (!done) {
          controller.enqueue(utf8.encode(value))
          return
        }
      } catch (cause) {
        throw await failed(cause)
      }
      // When the client has the whole file, the export is over, so it can start the next one.
      await end()
      controller.close()
    },
    cancel: end,
  })
  const name = format === 'sql' ? db : `${db}-${table.replace(/[^\w.-]/g, '_')}`
  return new Response(stream, {
    headers: {
      'Content-Type': types[format],
      'Content-Disposition': `attachment; filename="${name}.${format}"`,
      'Cache-Control': 'no-store',
    },
  })
}

type Source = Remote<CopySource>
interface Text {
  readonly copy: number
  readonly texts: AsyncGenerator<string>
}

async function dump(source: Source): Promise<Text> {
  const { copy, schema } = await source.begin(undefined, true)
  async function* texts() {
    const tables = schema.tables.map(({ sql }) => `${toPortableSql(sql)};\n`).join('')
    let page = await source.next(copy)
    yield `PRAGMA foreign_keys=OFF;\nBEGIN TRANSACTION;\n${tables}${page ? formatPage(page) : ''}`
    while (page) {
      page = await source.next(copy)
      if (page) yield formatPage(page)
    }
    const others = [...schema.others.map(({ sql }) => toPortableSql(sql)), ...rebuilds(schema)]
    yield `${others.map((sql) => `${sql};\n`).join('')}COMMIT;\n`
  }
  return { copy, texts: texts() }
}

async function tableRows(source: Source, table: string, format: RowFormat): Promise<Text> {
  const copy = await source.beginTable(undefined, table, format)
  async function* texts() {
    for (let text = await source.nextText(copy); text !== undefined; text = await source.nextText(copy)) yield text
  }
  return { copy, texts: texts() }
}

const formatPage = ({ statements }: Page): string => statements.map(({ sql }) => `${sql};\n`).join('')
