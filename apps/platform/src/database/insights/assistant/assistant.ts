import { type Docs, type IndexAdvice, PerSQLError } from '@persql/contract'
import type { Env } from '../../../env.ts'
import { createAiModel } from '../../../integrations/model.ts'
import { lower, quoteName } from '../../../sqlite/identifiers.ts'
import { isInternal } from '../../../sqlite/system-tables.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Result } from '../../engine/result.ts'
import { userTables } from '../../engine/schema.ts'
import type { DatabaseReads } from '../../reads/database-reads.ts'
import type { DocsStore } from './descriptions.ts'
import {
  askPrompt,
  describePrompt,
  descriptionIn,
  PHRASE_PROMPT,
  reasonsIn,
  statementIn,
  type TableForPrompt,
} from './prompts.ts'

/** A question and the limits of its answer. */
export interface Question {
  readonly question: string
  /** The tables and views that the query can read; `null` for all. */
  readonly allowedTables: readonly string[] | null
  readonly context?: string
  readonly maxRows: number
}

/** A query that the AI model generated. */
export interface GeneratedQuery {
  readonly sql: string
  readonly explanation: string
  readonly aiTokens: number
}

const MAX_SQL_TOKENS = 1_000
const MAX_SAMPLE_CELL = 80
const AT_ONCE = 4

/**
 * Generates queries and descriptions with an AI model. The authorizer checks generated SQL like any other statement.
 */
export class Assistant {
  readonly #env: Env
  readonly #engine: Engine
  readonly #reads: DatabaseReads
  readonly #sql: SqlStorage
  readonly #docs: DocsStore
  readonly #charge: (tokenId: string, aiTokens: number) => void

  constructor(
    env: Env,
    engine: Engine,
    reads: DatabaseReads,
    sql: SqlStorage,
    docs: DocsStore,
    charge: (tokenId: string, aiTokens: number) => void,
  ) {
    this.#env = env
    this.#engine = engine
    this.#reads = reads
    this.#sql = sql
    this.#docs = docs
    this.#charge = charge
  }

  /**
   * Generates a statement for a question. AI tokens are charged when they are used, even if the result is unusable.
   * @throws PerSQLError `model_unavailable`, `model_failed` or `question_refused`
   */
  async generate(tokenId: string, asking: Question): Promise<GeneratedQuery> {
    const model = createAiModel(this.#env)
    const { allowedTables, context, maxRows, question } = asking
    const tables = this.#visible(allowedTables)
    if (tables.length === 0)
      throw new PerSQLError('question_refused', { reason: 'The database has no tables that you can query.' })
    const prompt = askPrompt(tables, this.#docs.get(), context, maxRows)
    const { text, tokens } = await model.complete(prompt, question, MAX_SQL_TOKENS)
    this.#charge(tokenId, tokens)
    const written = statementIn(text)
    if (!written) throw new PerSQLError('question_refused', { reason: "The AI model didn't return a statement." })
    const explanation = written.explanation.slice(0, 1_000)
    if (written.sql.trim() === '')
      throw new PerSQLError('question_refused', { reason: explanation || "The AI model didn't return a statement." })
    return { sql: this.#checked(written.sql, asking), explanation, aiTokens: tokens }
  }

  /** Runs generated SQL. @throws PerSQLError */
  run(tokenId: string, sql: string, asking: Question): Result | Promise<Result> {
    const statement = { sql: `SELECT * FROM (${sql}\n) LIMIT ${asking.maxRows}`, params: [] }
    const permission = { role: 'readonly', tableScope: null } as const
    this.#checkReads(this.#engine.prepare(statement, permission), asking)
    this.#engine.begin()
    return this.#reads.runAnywhere(statement, permission, tokenId)
  }

  /**
   * Generates and saves descriptions of tables from their schema and a few rows. A table that fails doesn't stop the
   * others.
   */
  async describe(
    tokenId: string,
    tables: readonly string[] | undefined,
    scope: readonly string[] | null,
  ): Promise<{ docs: Docs; failures: { table: string; error: string }[]; rowsRead: number; aiTokens: number }> {
    const model = createAiModel(this.#env)
    const known = userTables(this.#sql, scope)
    const wanted = tables?.map((name) => known.find((table) => lower(table.name) === lower(name)) ?? { name, sql: '' })
    const failures: { table: string; error: string }[] = []
    const described: Docs['tables'] = []
    let rowsRead = 0
    let aiTokens = 0
    const rest = [...(wanted ?? known)]
    const worker = async () => {
      for (let table = rest.shift(); table; table = rest.shift()) {
        try {
          if (table.sql === '') throw new PerSQLError('table_not_found', { table: table.name })
          const sample = this.#sample(table.name)
          rowsRead += sample.rowsRead
          const { text, tokens } = await model.complete(
            describePrompt(table, sample.text),
            table.name,
            4 * MAX_SQL_TOKENS,
          )
          this.#charge(tokenId, tokens)
          aiTokens += tokens
          const description = descriptionIn(text)
          if (!description) {
            failures.push({ table: table.name, error: "The AI model didn't return a description. Try again." })
            continue
          }
          described.push(toDoc(table.name, readColumns(this.#sql, table.name), description))
        } catch (cause) {
          failures.push({ table: table.name, error: PerSQLError.from(cause).message })
        }
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, worker))
    // Read again: descriptions can change while the AI model responds.
    const before = this.#docs.get()
    const names = new Set(described.map(({ table }) => lower(table)))
    const others = before.tables.filter(({ table }) => !names.has(lower(table)))
    const merged = [...others, ...described].sort((a, b) => (a.table < b.table ? -1 : 1))
    const docs = described.length > 0 ? this.#docs.put({ ...before, tables: merged }) : before
    return { docs, failures, rowsRead, aiTokens }
  }

  /** @throws PerSQLError `model_unavailable` */
  requireModel(): void {
    createAiModel(this.#env)
  }

  /**
   * Rewrites the reasons of index advice in plain language. Suggestions and measurements stay unchanged. @throws
   * PerSQLError `model_unavailable` or `model_failed`
   */
  async phrase(
    tokenId: string,
    suggestions: IndexAdvice['suggestions'],
  ): Promise<{ suggestions: IndexAdvice['suggestions']; aiTokens: number }> {
    const model = createAiModel(this.#env)
    if (suggestions.length === 0) return { suggestions, aiTokens: 0 }
    const facts = JSON.stringify(
      suggestions.map(({ queries, ...facts }) => ({ ...facts, queries: queries.slice(0, 3) })),
    )
    const { text, tokens } = await model.complete(PHRASE_PROMPT, facts, MAX_SQL_TOKENS)
    this.#charge(tokenId, tokens)
    const reasons = reasonsIn(text)
    const phrased = suggestions.map((suggestion, i) => ({ ...suggestion, reason: reasons?.[i] ?? suggestion.reason }))
    return { suggestions: phrased, aiTokens: tokens }
  }

  #sample(table: string): { text: string; rowsRead: number } {
    const cursor = this.#sql.exec(`SELECT * FROM ${quoteName(table)} LIMIT 5`)
    const rows = [...cursor].map((row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, value]) => [
          column,
          typeof value === 'string'
            ? value.slice(0, MAX_SAMPLE_CELL)
            : value instanceof ArrayBuffer
              ? '(bytes)'
              : value,
        ]),
      ),
    )
    return { text: JSON.stringify(rows), rowsRead: cursor.rowsRead }
  }

  #visible(allowed: readonly string[] | null): TableForPrompt[] {
    const views = [
      ...this.#sql.exec("SELECT name, sql FROM sqlite_master WHERE type = 'view' ORDER BY name").raw(),
    ].map(([name, sql]) => ({ name: name as string, sql: sql as string }))
    const all = [...userTables(this.#sql, null), ...views.filter(({ name }) => !isInternal(name))]
    const names = allowed && new Set(allowed.map(lower))
    return names ? all.filter(({ name }) => names.has(lower(name))) : all
  }

  /** Returns the SELECT that the AI model wrote if it compiles alone and reads only allowed tables. */
  #checked(written: string, asking: Question): string {
    try {
      const analysis = this.#engine.prepare({ sql: written, params: [] }, { role: 'readonly', tableScope: null })
      const { verb, explain, text, placeholders } = analysis.statement
      if (!['SELECT', 'VALUES'].includes(verb) || explain !== 'no' || placeholders.length > 0) {
        throw new PerSQLError('question_refused', {
          reason: 'The generated statement must be a SELECT without parameters.',
        })
      }
      this.#checkReads(analysis, asking)
      return text
    } catch (cause) {
      const error = PerSQLError.from(cause)
      if (error.code === 'question_refused' || error.code === 'internal') throw error
      throw new PerSQLError(
        'question_refused',
        { reason: `The generated statement failed: ${error.message}` },
        { cause },
      )
    }
  }

  /**
   * Checks that all tables that are read are allowed. A query can read tables behind an allowed view through the view;
   * then it can name only allowed tables and views, so it can't bypass the view.
   */
  #checkReads({ effect, statement }: ReturnType<Engine['prepare']>, { allowedTables }: Question): void {
    const refuse = (table: string) => {
      throw new PerSQLError('question_refused', {
        reason: `The generated statement reads "${table}", which is out of scope.`,
      })
    }
    const visible = this.#visible(allowedTables)
    const allowed = new Set(visible.map(({ name }) => lower(name)))
    const beyond = effect.reads.filter((table) => !allowed.has(lower(table)))
    if (beyond.length === 0) return
    const behind = new Set<string>()
    for (const { name } of visible) {
      if (!statement.names.has(lower(name))) continue
      const view = { sql: `SELECT * FROM ${quoteName(name)}`, params: [] }
      const { effect } = this.#engine.prepare(view, { role: 'readonly', tableScope: null })
      for (const table of effect.reads) if (!isInternal(table)) behind.add(lower(table))
    }
    for (const table of beyond) if (!behind.has(lower(table))) refuse(table)
    for (const { name } of this.#visible(null)) {
      if (!allowed.has(lower(name)) && statement.names.has(lower(name))) refuse(name)
    }
  }
}

const readColumns = (sql: SqlStorage, table: string): string[] =>
  [...sql.exec('SELECT name FROM pragma_table_xinfo(?)', table).raw()].map(([name]) => name as string)

function toDoc(
  table: string,
  columns: readonly string[],
  { description, columns: texts }: { description: string; columns: Readonly<Record<string, string>> },
): Docs['tables'][0] {
  return {
    table,
    description: description.slice(0, 1_000),
    columns: columns
      .filter((column) => Object.hasOwn(texts, column))
      .map((column) => ({ column, description: (texts[column] as string).slice(0, 1_000) })),
  }
}
