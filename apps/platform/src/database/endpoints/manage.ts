import { type Api, type Endpoint, type Output, type Parsed, PerSQLError } from '@persql/contract'
import type { EndpointSpec, StatementFacts } from '@persql/endpoint-spec'
import { assertInScope } from '../../authority.ts'
import { toIso } from '../../clock.ts'
import { lower } from '../../sqlite/identifiers.ts'
import { parseStatement } from '../../sqlite/tokenizer.ts'
import type { Grant } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import { openEndpoint, type StoredEndpoint, type Version } from './store.ts'
import { checkedSpec, invalidSpec } from './validate-spec.ts'

/** Returns an endpoint in its wire form, without the URL, which only the Worker knows. */
export function toEndpoint({ spec, status, version, ...times }: StoredEndpoint): Omit<Endpoint, 'url'> {
  return {
    slug: spec.slug,
    name: spec.name,
    status,
    version,
    spec,
    createdAt: toIso(times.createdAtMs),
    updatedAt: toIso(times.updatedAtMs),
    publishedAt: times.publishedAtMs === null ? null : toIso(times.publishedAtMs),
  }
}

export const toEndpointVersion = ({
  version,
  spec,
  savedAtMs,
  savedBy,
}: Version): Output<Api['list_endpoint_versions']>[0] => ({
  version,
  spec,
  savedAt: toIso(savedAtMs),
  savedBy,
})

/** Returns the spec with the changes applied; `null` removes a field. */
export function changed(spec: EndpointSpec, changes: Partial<Parsed<Api['update_endpoint']>>): Record<string, unknown> {
  const { ns: _ns, db: _db, ...fields } = changes
  // A configuration belongs to its kind, so a change of the kind removes the configuration of the other kind.
  const kind = fields.kind ?? spec.kind
  const kept = {
    ...spec,
    ...(kind !== 'ask' && { askConfig: null }),
    ...(!kind.startsWith('auth_') && { authConfig: null }),
  }
  const merged = Object.entries({ ...kept, ...fields }).filter(([, value]) => value !== null && value !== undefined)
  return Object.fromEntries(merged)
}

/**
 * Checks a spec against all rules, including those that need the database: the effect of its statement, the permissions
 * of the caller who saves it, and the columns that signup and login need in the users' table.
 * @throws PerSQLError `invalid_spec`, `sql_error` or `table_out_of_scope`
 */
export function checkSpec(value: unknown, { tableScope }: Grant, engine: Engine, sql: SqlStorage): EndpointSpec {
  const spec = checkedSpec(value)
  openEndpoint({ spec } as StoredEndpoint)
  if (spec.kind === 'ask') {
    checkAllowedTables(spec, tableScope, sql)
    return spec
  }
  const { text, placeholders } = parseStatement(spec.sql)
  const params = placeholders.map(() => null)
  const { effect, statement } = engine.prepareAlone({ sql: spec.sql, params }, { role: 'admin', tableScope })
  const facts: StatementFacts = {
    kind: effect.kind,
    placeholders: placeholders.map(([start, end]) => text.slice(start, end)),
  }
  const checked = checkedSpec(value, facts)
  const { authConfig } = checked
  if (!authConfig) return checked
  // Its sessions are valid for all endpoints of the database.
  assertInScope(null, { tableScope }, 'save an endpoint that opens sessions')
  const problems = usersProblems(authConfig, sql)
  if (checked.kind === 'auth_signup' && !statement.names.has('returning')) {
    problems.push({ field: 'sql', message: 'must return the key of the new user: add RETURNING id' })
  }
  if (checked.kind === 'auth_login') {
    const columns = sql.exec(`SELECT * FROM (${text}\n) LIMIT 0`, ...params).columnNames
    if (!columns.includes('password_hash')) {
      problems.push({ field: 'sql', message: "must select password_hash and the user's key" })
    }
  }
  if (problems.length > 0) throw invalidSpec(problems)
  return checked
}

function checkAllowedTables(spec: EndpointSpec, tableScope: Grant['tableScope'], sql: SqlStorage): void {
  const { allowedTables } = spec.askConfig as NonNullable<EndpointSpec['askConfig']>
  assertTablesInScope(allowedTables.length === 0 ? ['*'] : allowedTables, tableScope)
  const known = new Set(
    [...sql.exec("SELECT lower(name) FROM sqlite_master WHERE type IN ('table', 'view')").raw()].flat(),
  )
  const problems = allowedTables.flatMap((table, i) =>
    known.has(lower(table)) && !/^(sqlite|_persql|_cf)_/.test(lower(table))
      ? []
      : [
          {
            field: `askConfig.allowedTables[${i}]`,
            message: `must name an existing table, but "${table}" doesn't exist`,
          },
        ],
  )
  if (problems.length > 0) throw invalidSpec(problems)
}

/** Runs before every check that reveals whether a table exists. @throws PerSQLError `table_out_of_scope` */
function assertTablesInScope(tables: readonly string[], tableScope: Grant['tableScope']): void {
  const scope = tableScope && new Set(tableScope.map(lower))
  const table = scope && tables.find((name) => !scope.has(lower(name)))
  if (table !== null && table !== undefined) throw new PerSQLError('table_out_of_scope', { table })
}

function usersProblems(
  { usersTable, emailColumn }: NonNullable<EndpointSpec['authConfig']>,
  sql: SqlStorage,
): { field: string; message: string }[] {
  const columns = [...sql.exec('SELECT name, pk FROM pragma_table_info(?)', usersTable).raw()] as [string, number][]
  if (columns.length === 0)
    return [
      { field: 'authConfig.usersTable', message: `must name an existing table, but "${usersTable}" doesn't exist` },
    ]
  const problems: { field: string; message: string }[] = []
  const has = (column: string) => columns.some(([name]) => name === column)
  if (columns.filter(([, pk]) => pk > 0).length !== 1) {
    problems.push({ field: 'authConfig.usersTable', message: 'must name a table with a single-column primary key' })
  }
  if (!has('password_hash')) {
    problems.push({ field: 'authConfig.usersTable', message: 'must name a table with a column "password_hash"' })
  }
  if (!has(emailColumn)) {
    problems.push({
      field: 'authConfig.emailColumn',
      message: `must name a column of "${usersTable}", which has no "${emailColumn}"`,
    })
  } else if (!isUnique(usersTable, emailColumn, sql)) {
    problems.push({
      field: 'authConfig.emailColumn',
      message: `must name a unique column, and "${emailColumn}" isn't unique`,
    })
  }
  return problems
}

const isUnique = (table: string, column: string, sql: SqlStorage): boolean =>
  [
    ...sql.exec(
      `SELECT 1 FROM pragma_index_list(?) l WHERE l."unique" = 1 AND l.partial = 0
         AND (SELECT group_concat(name) FROM pragma_index_info(l.name)) = ?
       UNION SELECT 1 FROM pragma_table_info(?) WHERE name = ? AND pk = 1`,
      table,
      column,
      table,
      column,
    ),
  ].length > 0

/** Returns the name of the first column of a table's primary key. */
export function keyColumn(sql: SqlStorage, table: string): string | undefined {
  const [row] = [...sql.exec('SELECT name FROM pragma_table_info(?) WHERE pk = 1', table).raw()]
  return row?.[0] as string | undefined
}
