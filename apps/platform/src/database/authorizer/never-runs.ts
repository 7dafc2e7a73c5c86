import { PerSQLError } from '@persql/contract'
import { lower } from '../../sqlite/identifiers.ts'
import { SCHEMA_TABLE } from '../../sqlite/schema-map.ts'
import { type Statement, type Token, tokens, word } from '../../sqlite/tokenizer.ts'
import { listSources } from '../../sqlite/virtual-tables.ts'
import { namedTables } from './named-tables.ts'
import { isHidden, isReserved } from './reserved.ts'

const SCHEMA_TABLES = new Set([SCHEMA_TABLE, 'sqlite_master', 'sqlite_temp_schema', 'sqlite_temp_master'])

/**
 * Refuses to create a trigger, view or virtual table that no caller could use. SQLite accepts it, because it compiles
 * the text at the first use, and a table with such a trigger accepts no more writes.
 * @throws PerSQLError `table_protected` or `statement_not_allowed`
 */
export function assertCanRun({ verb, text }: Pick<Statement, 'verb' | 'text'>): void {
  if (verb !== 'CREATE') return
  const kind = getKind(text)
  if (kind === 'VIRTUAL')
    for (const source of listSources(text) ?? []) if (isHidden(source)) throw protectedTable(source)
  if (kind !== 'TRIGGER' && kind !== 'VIEW') return
  for (const { name, isWritten, argument } of namedTables(text)) {
    if (isHidden(name) || (argument !== undefined && isHidden(argument))) throw protectedTable(argument ?? name)
    if (!isWritten) continue
    if (isReserved(name)) throw protectedTable(name)
    if (SCHEMA_TABLES.has(lower(name))) {
      throw new PerSQLError('statement_not_allowed', {
        what: `A trigger that writes to "${name}"`,
        instead: 'Change the schema with CREATE, ALTER and DROP.',
      })
    }
  }
}

/** Returns the kind of object that a CREATE statement creates: the first word after CREATE that isn't a modifier. */
function getKind(text: string): string | undefined {
  const words = [...firstTokens(text, 3)].map((token) => word(text, token))
  return words.slice(1).find((each) => !['TEMP', 'TEMPORARY', 'UNIQUE'].includes(each))
}

function* firstTokens(text: string, count: number): Generator<Token> {
  for (const token of tokens(text)) {
    yield token
    if (--count === 0) return
  }
}

const protectedTable = (table: string) => new PerSQLError('table_protected', { table })
