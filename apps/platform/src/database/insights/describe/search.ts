import type { SearchHit } from '@persql/contract'
import { dryRun } from '../../engine/dry-run.ts'
import type { Engine } from '../../engine/engine.ts'
import { type Document, matchFor } from './search-terms.ts'

const INDEX = '_persql_search'
/** Characters per insert: the runtime rejects texts of several megabytes. */
const PART = 200_000
/** Weights of the full name, words of the name, the description, and the table of a column. */
const WEIGHTS = '20, 5, 2, 1'

/**
 * Ranks documents by FTS5's bm25. The index exists only in a transaction that is rolled back, so it is never visible,
 * stored or out of date.
 */
export function rank(
  storage: DurableObjectStorage,
  engine: Engine,
  documents: readonly Document[],
  q: string,
  limit: number,
): SearchHit[] {
  const match = matchFor(q)
  if (match === undefined || documents.length === 0) return []
  return dryRun(storage, engine, () => ranked(storage.sql, documents, match, limit))
}

function ranked(sql: SqlStorage, documents: readonly Document[], match: string, limit: number): SearchHit[] {
  sql.exec(
    `CREATE VIRTUAL TABLE ${INDEX} USING fts5(whole, name, about, context, content = '', tokenize = 'porter unicode61')`,
  )
  let first = 0
  for (const part of parts(documents.map(({ whole, name, about, context }) => [whole, name, about, context]))) {
    sql.exec(
      `INSERT INTO ${INDEX} (rowid, whole, name, about, context)
       SELECT key + CAST(? AS INTEGER), value ->> 0, value ->> 1, value ->> 2, value ->> 3 FROM json_each(?)`,
      first,
      JSON.stringify(part),
    )
    first += part.length
  }
  const rows = [
    ...sql
      .exec(
        `SELECT rowid, -bm25(${INDEX}, ${WEIGHTS}) AS score FROM ${INDEX} WHERE ${INDEX} MATCH ?
         ORDER BY score DESC, rowid LIMIT ?`,
        match,
        limit,
      )
      .raw(),
  ] as [number, number][]
  return rows.map(([at, score]) => {
    const { kind, table, column, description } = documents[at] as Document
    return {
      kind,
      table,
      ...(column !== undefined && { column }),
      score,
      ...(description !== undefined && { description }),
    }
  })
}

function* parts(documents: readonly string[][]): Generator<string[][]> {
  let part: string[][] = []
  let length = 0
  for (const document of documents) {
    part.push(document)
    for (const text of document) length += text.length
    if (length < PART) continue
    yield part
    part = []
    length = 0
  }
  if (part.length > 0) yield part
}
