import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import type { AssistantOperation, DatabaseCall, Grant } from '../call.ts'
import { lower } from '../guard/statement.ts'
import type { Parts, Run } from '../operations.ts'
import { done, type Outcome } from '../outcome.ts'
import type { Asking } from './assistant.ts'
import { docsInScope } from './docs.ts'

/** What the model is asked for, and what is written about tables. Bodies are validated input. */
export const assistantOperations: Record<AssistantOperation, Run> = {
  ask: (call, parts) => answered(call, parts, inputOf<'ask'>(call), true),
  generate_sql: (call, parts) => {
    const { execute, ...input } = inputOf<'generate_sql'>(call)
    return answered(call, parts, { ...input, maxRows: 100 }, execute)
  },

  async describe_tables(call, { assistant }) {
    const { tokenId, tableScope } = call.grant
    const { tables } = inputOf<'describe_tables'>(call)
    const { docs, failures, rowsRead, aiTokens } = await assistant.describe(tokenId, tables, tableScope)
    return done({ ...docs, failures }, { rowsRead, aiTokens })
  },
  async advise_indexes(call, { advise, assistant }) {
    const { explain } = inputOf<'advise_indexes'>(call)
    if (explain) assistant.requireModel()
    const { data, rowsRead } = await advise(call.grant.tableScope)
    if (!explain) return done(data, { rowsRead, aiTokens: 0 })
    const { suggestions, aiTokens } = await assistant.phrase(call.grant.tokenId, data.suggestions)
    return done({ ...data, suggestions }, { rowsRead, aiTokens })
  },
  get_docs: ({ grant }, { docs }) => done(docsInScope(docs.get(), grant.tableScope)),
  put_docs(call, { docs }) {
    const { databaseDescription, tables } = inputOf<'put_docs'>(call)
    return done(docs.put({ ...(databaseDescription !== undefined && { databaseDescription }), tables }))
  },
}

async function answered(
  { grant }: DatabaseCall,
  parts: Parts,
  input: Omit<Asking, 'allowedTables'> & { readonly allowedTables?: readonly string[] },
  run: boolean,
): Promise<Outcome> {
  const asking = { ...input, allowedTables: allowedFor(grant, input.allowedTables) }
  const { sql, explanation, aiTokens } = await parts.assistant.generate(grant.tokenId, asking)
  const used = { sql, aiTokens }
  if (!run) return done({ sql, explanation }, used)
  // The model took its time: the token may have been revoked meanwhile.
  if (!parts.admits(grant)) throw new PerSQLError('token_unknown')
  const { columns, rows, rowsRead } = parts.assistant.run(sql, asking)
  return done({ sql, explanation, columns, rows }, { ...used, statementCount: 1, rowsRead })
}

/** @throws PerSQLError `table_out_of_scope` */
function allowedFor({ tableScope }: Grant, wanted: readonly string[] | undefined): readonly string[] | null {
  if (tableScope === null) return wanted && wanted.length > 0 ? wanted : null
  const scope = new Set(tableScope.map(lower))
  const outside = wanted?.find((table) => !scope.has(lower(table)))
  if (outside !== undefined) throw new PerSQLError('table_out_of_scope', { table: outside })
  return wanted && wanted.length > 0 ? wanted : tableScope
}

const inputOf = <K extends AssistantOperation>({ body }: DatabaseCall) => JSON.parse(body) as Parsed<Api[K]>
