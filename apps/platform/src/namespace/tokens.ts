import { type MintedToken, PerSQLError, type Role, type Token, type TokenRequest } from '@persql/contract'
import type { Grant } from '../database/call.ts'
import { previewOf } from '../token.ts'

/** A revocation is worth telling for longer than any cache keeps a token. */
const TELL_MS = 10 * 60 * 1000

interface Row {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly table_scope: string | null
  readonly claims: string | null
  readonly preview: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly database_id: string | null
  readonly database: string | null
}

/** The tokens of one namespace. Only hashes of their secrets are here. */
export class Tokens {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** What the secret with this hash may do, and where, if not everywhere. @throws PerSQLError `token_unknown` */
  grantOf(hash: string, nowMs: number): Grant & { readonly pinnedTo: string | null } {
    const [row] = this.#rows(
      'WHERE hash = ? AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)',
      hash,
      nowMs,
    )
    if (!row) throw new PerSQLError('token_unknown')
    return {
      tokenId: row.id,
      role: row.role,
      tableScope: row.table_scope === null ? null : (JSON.parse(row.table_scope) as string[]),
      expiresAtMs: row.expires_at,
      pinnedTo: row.database_id,
    }
  }

  list(nowMs: number): Token[] {
    return this.#rows(
      'WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?) ORDER BY created_at, id',
      nowMs,
    ).map(tokenOf)
  }

  /** Records a token whose secret was made by the Worker; one that is pinned opens that database alone. */
  add(
    secret: string,
    hash: string,
    request: Omit<TokenRequest, 'role'> & { readonly role: Role },
    nowMs: number,
    pinnedTo: string | null = null,
  ): MintedToken {
    const id = `tok_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
    const { name, role, tableScope, claims, expiresIn } = request
    this.#sql.exec(
      `INSERT INTO token (id, hash, name, role, table_scope, claims, preview, created_at, expires_at, database_id)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      hash,
      name,
      role,
      tableScope ? JSON.stringify(tableScope) : null,
      claims ? JSON.stringify(claims) : null,
      previewOf(secret),
      nowMs,
      expiresIn === undefined ? null : nowMs + expiresIn * 1000,
      pinnedTo,
    )
    const [row] = this.#rows('WHERE id = ?', id)
    return { ...tokenOf(row as Row), token: secret }
  }

  /** @throws PerSQLError `token_not_found` */
  revoke(id: string, nowMs: number): void {
    const revoked = [
      ...this.#sql.exec('UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING id', nowMs, id),
    ]
    if (revoked.length === 0) throw new PerSQLError('token_not_found', { id })
  }

  /** Revokes all that open this database alone. Returns their ids. */
  revokePinned(databaseId: string, nowMs: number): string[] {
    return [
      ...this.#sql.exec(
        'UPDATE token SET revoked_at = ? WHERE database_id = ? AND revoked_at IS NULL RETURNING id',
        nowMs,
        databaseId,
      ),
    ].map(({ id }) => id as string)
  }

  /** Ids revoked so lately that a cache may still hold them. */
  lately(nowMs: number): string[] {
    return [...this.#sql.exec('SELECT id FROM token WHERE revoked_at > ?', nowMs - TELL_MS).raw()].map(
      ([id]) => id as string,
    )
  }

  #rows(where: string, ...params: (string | number)[]): Row[] {
    const columns = `id, name, role, table_scope, claims, preview, created_at, expires_at, database_id,
      (SELECT slug FROM database WHERE database.id = token.database_id) AS database`
    return [...this.#sql.exec(`SELECT ${columns} FROM token ${where}`, ...params)] as unknown as Row[]
  }
}

function tokenOf(row: Row): Token {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    tableScope: row.table_scope === null ? null : (JSON.parse(row.table_scope) as string[]),
    claims: row.claims === null ? null : (JSON.parse(row.claims) as Token['claims']),
    database: row.database,
    preview: row.preview,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  }
}
