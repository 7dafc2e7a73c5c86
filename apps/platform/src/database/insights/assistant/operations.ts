import { PerSQLError } from '@persql/contract'
import { lower } from '../../../sqlite/identifiers.ts'
import type { DatabaseCall, Grant } from '../../calls/call.ts'
import { type Handler, type Handlers, parseInput } from '../../calls/handler.ts'
import { done, type Outcome } from '../../calls/outcome.ts'
import type { IndexAdviceResult } from '../index-advisor/advise.ts'
import type { Assistant, Question } from './assistant.ts'
import { type DocsStore, docsInScope } from './descriptions.ts'

/** The services that the assistant uses. */
interface AssistantServices {
  readonly assistant: Assistant
  readonly docs: DocsStore
  readonly admits: (grant: Grant) => boolean
  /** Finds indexes that logged statements lack. @throws PerSQLError `advice_under_way` */
  readonly advise: (tableScope: Grant['tableScope']) => Promise<IndexAdviceResult>
}

/** Returns the handlers of the AI model and of the descriptions of tables. */
export function operations(services: AssistantServices) {
  const { assistant, docs, advise } = services
  return {
    ask: (call) => answered(call, services, parseInput<'ask'>(call), true),
    generate_sql: (call) => {
      const { execute, ...input } = parseInput<'generate_sql'>(call)
      return answered(call, services, { ...input, maxRows: 100 }, execute)
    },

    async describe_tables(call) {
      const { tokenId, tableScope } = call.grant
      const { tables } = parseInput<'describe_tables'>(call)
      const { docs, failures, rowsRead, aiTokens } = await assistant.describe(tokenId, tables, tableScope)
      return done({ ...docs, failures }, { rowsRead, aiTokens })
    },
    async advise_indexes(call) {
      const { explain } = parseInput<'advise_indexes'>(call)
      if (explain) assistant.requireModel()
      const { data, rowsRead } = await advise(call.grant.tableScope)
      if (!explain) return done(data, { rowsRead, aiTokens: 0 })
      const { suggestions, aiTokens } = await assistant.phrase(call.grant.tokenId, data.suggestions)
      return done({ ...data, suggestions }, { rowsRead, aiTokens })
    },
    get_docs: ({ grant }) => done(docsInScope(docs.get(), grant.tableScope)),
    put_docs: putDocs(docs),
  } satisfies Handlers
}

/** Returns the handler that replaces descriptions. */
export const putDocs =
  (docs: DocsStore): Handler =>
  (call) => {
    const { databaseDescription, tables } = parseInput<'put_docs'>(call)
    return done(docs.put({ ...(databaseDescription !== undefined && { databaseDescription }), tables }))
  }

async function answered(
  { grant }: DatabaseCall,
  { assistant, admits }: AssistantServices,
  input: Omit<Question, 'allowedTables'> & { readonly allowedTables?: readonly string[] },
  run: boolean,
): Promise<Outcome> {
  const asking = { ...input, allowedTables: allowedFor(grant, input.allowedTables) }
  const { sql, explanation, aiTokens } = await assistant.generate(grant.tokenId, asking)
  const used = { sql, aiTokens }
  if (!run) return done({ sql, explanation }, used)
  // The token can be revoked while the AI model responds.
  if (!admits(grant)) throw new PerSQLError('token_unknown')
  const { columns, rows, rowsRead } = await assistant.run(grant.tokenId, sql, asking)
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
