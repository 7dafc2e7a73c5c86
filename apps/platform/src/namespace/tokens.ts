import {
  type Listed,
  type MintedToken,
  type Paging,
  PerSQLError,
  type Role,
  type Token,
  type TokenRequest,
} from '@persql/contract'
import * as z from 'zod'
import type { Grant } from '../database/call.ts'
import type { Audience } from '../oauth/server.ts'
import { mapPage, type Order, readPage } from '../paging.ts'
import type { Migration } from '../storage/migrate.ts'
import { previewOf } from '../token.ts'

/** A revocation is worth telling for longer than any cache keeps a token. */
const TELL_MS = 10 * 60 * 1000
const FORGET_MS = 24 * 60 * 60 * 1000

export const TOKEN_PAGES: Migration = {
  name: 'pages of tokens',
  sql: 'CREATE INDEX token_created ON token (created_at, id) WHERE revoked_at IS NULL;',
}

interface Row {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly table_scope: string | null
  readonly claims: string | null
  readonly preview: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly databases: string | null
  readonly slugs: string | null
  readonly grant_id: string | null
  readonly user_id: string | null
  readonly audience: Audience | null
}

/** What an access token of an app has beside: what it was given by, for whom, and the door that takes it. */
export interface AppToken {
  readonly grantId: string
  readonly userId: string
  readonly audience: Audience
}

/** What the holder of a token may do, and where. */
export interface TokenGrant extends Grant {
  /** Ids of the only databases it opens, or `null` for all. */
  readonly opens: readonly string[] | null
  readonly app: AppToken | null
}

/** The tokens of one namespace. Only hashes of their secrets are here. */
export class Tokens {
  readonly #sql: SqlStorage

  constructor(sql: SqlStorage) {
    this.#sql = sql
  }

  /** What the secret with this hash may do, and where, if not everywhere. @throws PerSQLError `token_unknown` */
  grantOf(hash: string, nowMs: number): TokenGrant {
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
      opens: row.databases === null ? null : (JSON.parse(row.databases) as string[]),
      app: appOf(row),
    }
  }

  /** Returns a page of the tokens that work, the oldest first. @throws PerSQLError `invalid_input` */
  page(paging: Paging, nowMs: number): Listed<Token> {
    const read = (after: readonly [number, string] | undefined, limit = -1) =>
      after === undefined
        ? this.#rows(`WHERE ${WORKS} ORDER BY created_at, id LIMIT ?`, nowMs, limit)
        : this.#rows(
            `WHERE ${WORKS} AND (created_at, id) > (?, ?) ORDER BY created_at, id LIMIT ?`,
            nowMs,
            ...after,
            limit,
          )
    const { total } = this.#sql
      .exec<{ total: number }>(`SELECT count(*) AS total FROM token WHERE ${WORKS}`, nowMs)
      .one()
    return mapPage(readPage(BY_AGE, paging, read, total), tokenOf)
  }

  /** Returns the ids of the tokens that work. */
  ids(nowMs: number): string[] {
    return [...this.#sql.exec(`SELECT id FROM token WHERE ${WORKS}`, nowMs)].map(({ id }) => id as string)
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
      `INSERT INTO token (id, hash, name, role, table_scope, claims, preview, created_at, expires_at, databases)
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
      pinnedTo && JSON.stringify([pinnedTo]),
    )
    const [row] = this.#rows('WHERE id = ?', id)
    return { ...tokenOf(row as Row), token: secret }
  }

  /** Records an access token of an app, of which only the hash is known here. Those that ended long ago go. */
  addOfApp(
    hash: string,
    { name, role, expiresIn }: { readonly name: string; readonly role: Role; readonly expiresIn: number },
    databases: readonly string[] | null,
    { grantId, userId, audience }: AppToken,
    nowMs: number,
  ): void {
    this.#sql.exec('DELETE FROM token WHERE grant_id IS NOT NULL AND expires_at < ?', nowMs - FORGET_MS)
    this.#sql.exec(
      `INSERT INTO token (id, hash, name, role, preview, created_at, expires_at, databases, grant_id, user_id, audience)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      `tok_${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`,
      hash,
      name,
      role,
      'app',
      nowMs,
      nowMs + expiresIn * 1000,
      databases && JSON.stringify(databases),
      grantId,
      userId,
      audience,
    )
  }

  /** When a grant last gave a token. */
  lastOfGrant(grantId: string): number | null {
    const [row] = this.#sql.exec<{ at: number | null }>(
      'SELECT max(created_at) AS at FROM token WHERE grant_id = ?',
      grantId,
    )
    return row?.at ?? null
  }

  /** Revokes a token. Returns the grant that gave it, if it is an app's. @throws PerSQLError `token_not_found` */
  revoke(id: string, nowMs: number): string | null {
    const [revoked] = this.#sql.exec<{ grant_id: string | null }>(
      'UPDATE token SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL RETURNING grant_id',
      nowMs,
      id,
    )
    if (!revoked) throw new PerSQLError('token_not_found', { id })
    return revoked.grant_id
  }

  /** Revokes what a grant gave. Returns ids. */
  revokeOfGrant = (grantId: string, nowMs: number): string[] => this.#revokeBy('grant_id', grantId, nowMs)

  /** Revokes what apps of a member hold. Returns ids. */
  revokeOfUser = (userId: string, nowMs: number): string[] => this.#revokeBy('user_id', userId, nowMs)

  revokeByHash = (hash: string, nowMs: number): string[] => this.#revokeBy('hash', hash, nowMs)

  /** Revokes all that open this database alone. Returns their ids. */
  revokePinned(databaseId: string, nowMs: number): string[] {
    return this.#revokeBy('databases', JSON.stringify([databaseId]), nowMs)
  }

  #revokeBy(column: 'grant_id' | 'user_id' | 'hash' | 'databases', value: string, nowMs: number): string[] {
    const sql = `UPDATE token SET revoked_at = ? WHERE ${column} = ? AND revoked_at IS NULL RETURNING id`
    return [...this.#sql.exec(sql, nowMs, value)].map(({ id }) => id as string)
  }

  /** Ids revoked so lately that a cache may still hold them. */
  lately(nowMs: number): string[] {
    return [...this.#sql.exec('SELECT id FROM token WHERE revoked_at > ?', nowMs - TELL_MS).raw()].map(
      ([id]) => id as string,
    )
  }

  #rows(where: string, ...params: (string | number)[]): Row[] {
    const columns = `id, name, role, table_scope, claims, preview, created_at, expires_at, databases, grant_id, user_id,
      audience, (SELECT json_group_array(slug) FROM database
        WHERE id IN (SELECT value FROM json_each(token.databases))) AS slugs`
    return [...this.#sql.exec(`SELECT ${columns} FROM token ${where}`, ...params)] as unknown as Row[]
  }
}

const appOf = ({ grant_id, user_id, audience }: Row): AppToken | null =>
  grant_id && user_id && audience ? { grantId: grant_id, userId: user_id, audience } : null

/** Without those that were revoked or have expired. */
const WORKS = 'revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)'
const BY_AGE: Order<Row, [number, string]> = {
  name: 'tokens',
  key: z.tuple([z.int(), z.string()]),
  keyOf: ({ created_at, id }) => [created_at, id],
  sizeOf: ({ table_scope, claims }) => (table_scope?.length ?? 0) + (claims?.length ?? 0),
}

function tokenOf(row: Row): Token {
  const databases = row.databases === null ? null : (JSON.parse(row.slugs ?? '[]') as string[])
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    tableScope: row.table_scope === null ? null : (JSON.parse(row.table_scope) as string[]),
    claims: row.claims === null ? null : (JSON.parse(row.claims) as Token['claims']),
    database: databases?.length === 1 ? (databases[0] as string) : null,
    databases,
    preview: row.preview,
    createdAt: new Date(row.created_at).toISOString(),
    expiresAt: row.expires_at === null ? null : new Date(row.expires_at).toISOString(),
  }
}
