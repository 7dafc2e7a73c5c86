import type { Schema } from '@persql/sdk'

const keywords =
  'ABORT ADD AFTER ALL ALTER AND AS ASC BEFORE BETWEEN BY CASE CHECK COLLATE COLUMN CONFLICT CONSTRAINT CREATE CROSS CURRENT_DATE CURRENT_TIMESTAMP DEFAULT DELETE DESC DISTINCT DO DROP ELSE END ESCAPE EXCEPT EXISTS EXPLAIN FOREIGN FROM FULL GLOB GROUP HAVING IF IN INDEX INNER INSERT INTERSECT INTO IS ISNULL JOIN KEY LEFT LIKE LIMIT NOT NOTNULL NULL OFFSET ON OR ORDER OUTER OVER PARTITION PLAN PRAGMA PRIMARY QUERY RECURSIVE REFERENCES RENAME REPLACE RETURNING RIGHT SELECT SET STRICT TABLE THEN TO TRIGGER UNION UNIQUE UPDATE USING VALUES VIEW VIRTUAL WHEN WHERE WINDOW WITH WITHOUT'.split(
    ' ',
  )

/** The names in a database, for completion. */
export interface Names {
  /** Columns by table or view. */
  tables: Record<string, string[]>
}

export const listNames = ({ tables, views }: Schema): Names => ({
  tables: Object.fromEntries([
    ...tables.map(({ name, columns }) => [name, columns.map((column) => column.name)]),
    ...views.map(({ name }) => [name, []]),
  ]),
})

const quotedName = (name: string) => (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name) ? name : `"${name.replaceAll('"', '""')}"`)
const TABLE_NEXT = /\b(from|join|into|update|table|references|on)\s+$/i

/** Completes the last word: tables after FROM, columns of the named tables, else all names. */
export function complete(line: string, names: Names, dots: readonly string[]): [hits: string[], word: string] {
  if (/^\s*\./.test(line) && !/\s/.test(line.trim())) {
    const word = line.trim()
    return [dots.filter((dot) => dot.startsWith(word)).map((dot) => `${dot} `), word]
  }
  const word = /[\p{L}\p{N}_.]*$/u.exec(line)?.[0] ?? ''
  const before = line.slice(0, line.length - word.length)
  const tables = Object.keys(names.tables)
  const [table, column] = word.split('.')
  if (column !== undefined) {
    const columns = names.tables[table ?? ''] ?? []
    return [matching(columns, column).map((name) => `${table}.${name}`), word]
  }
  if (TABLE_NEXT.test(before) || /^\s*\.\w+\s+$/.test(before)) return [matching(tables, word), word]
  const named = tables.filter((name) => line.includes(name))
  const columns = (named.length > 0 ? named : tables).flatMap((name) => names.tables[name] ?? [])
  const own = [...matching([...new Set(columns)], word), ...matching(tables, word)]
  // On an empty word, keywords would hide the names of the database.
  if (word === '' && line.trim() !== '') return [own, word]
  const lower = word !== '' && word === word.toLowerCase()
  const fitting = keywords.filter((keyword) => keyword.startsWith(word.toUpperCase()))
  return [[...own, ...fitting.map((keyword) => `${lower ? keyword.toLowerCase() : keyword} `)], word]
}

const matching = (names: readonly string[], word: string) =>
  names.filter((name) => name.toLowerCase().startsWith(word.toLowerCase())).map(quotedName)
