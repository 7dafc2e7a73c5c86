import { databaseObject } from '../../api/objects.ts'
import type { Env } from '../../env.ts'
import { CHUNK_BYTES } from '../../sqlite/file/chunks.ts'

/**
 * Streams the SQLite file of a copy that was created for this export. Ends the copy when the stream is read or
 * canceled.
 */
export async function sqliteDownload(env: Env, ns: string, db: string, snapshot: string): Promise<Response> {
  const { fileExport } = databaseObject(env, ns, `${db}@${snapshot}`)
  const end = () => databaseObject(env, ns, db).endExport(snapshot)
  let size: number | undefined
  try {
    while (size === undefined) size = await fileExport.write()
  } catch (cause) {
    await end()
    throw cause
  }
  return new Response(createContentStream(fileExport, size, end), {
    headers: {
      'Content-Type': 'application/vnd.sqlite3',
      'Content-Disposition': `attachment; filename="${db}.sqlite"`,
      'Cache-Control': 'no-store',
    },
  })
}

function createContentStream(
  file: { read(chunk: number): Promise<Uint8Array> },
  size: number,
  end: () => Promise<void>,
) {
  let at = 0
  const source = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const bytes = await file.read(at / CHUNK_BYTES)
      if (bytes.length === 0) throw new Error('The copy no longer exists.')
      const isLast = at + bytes.length >= size
      // When the client has the whole file, the export is over, so it can start the next one.
      if (isLast) await end()
      controller.enqueue(bytes.subarray(0, size - at))
      at += bytes.length
      if (isLast) controller.close()
    },
    cancel: end,
  })
  // With a declared length, clients detect a truncated download.
  return source.pipeThrough(new FixedLengthStream(size))
}
