import { type Listed, type MintedToken, type Paging, PerSQLError, type Role, type Token } from '@persql/contract'
import * as z from 'zod'
import { type Authority, limitingOperations } from '../../authority.ts'
import { toIso } from '../../clock.ts'
import type { Grant } from '../../database/calls/call.ts'
import type { Audience } from '../../oauth-server/server.ts'
import { mapPage, type Order, readPage } from '../../paging.ts'
import { intersect, type Selection } from '../../selection.ts'
import type { Migration } from '../../storage/migrate.ts'
import { createPreview } from '../../token.ts'
import { Origins } from '../databases/origins.ts'
import { parseSelection, type SelectionColumns, Selections, toColumns } from './selections.ts'
import { LIVE, type TokenListFilter, toConditions } from './token-list.ts'

/** Revocations are reported for longer than any cache keeps a token. */
const REPORT_MS = 10 * 60 * 1000
const FORGET_MS = 24 * 60 * 60 * 1000

export const TOKEN_PAGES: Migration = {
  name: 'pages of tokens',
  sql: 'CREATE INDEX token_created ON token (created_at, id) WHERE revoked_at IS NULL;',
}

export const TOKEN_ORIGINS: Migration = {
  name: 'origins of the pages that can use a token',
  sql: 'ALTER TABLE token ADD COLUMN origins TEXT;',
}

/** The columns that limit what a token can do. */
interface Limits extends SelectionColumns {
  readonly operations: string | null
}

interface Row extends Limits {
  readonly id: string
  readonly name: string
  readonly role: Role
  readonly table_scope: string | null
  readonly claims: string | null
  readonly preview: string
  readonly created_at: number
  readonly expires_at: number | null
  readonly origins: string | null
  readonly grant_id: string | null
  readonly user_id: string | null
  readonly audience: Audience | null
  readonly minted_by: string | null
  readonly generation: number
}

/** The origin of an app's access token: its grant, its member, and the API that accepts it. */
export interface AppToken {
  readonly grantId: string
  readonly userId: string
  readonly audience: Audience
}

/** A token that is neither revoked nor expired. */
export interface LiveToken extends Authority {
  readonly id: string
  readonly name: string
  /** The key of the current secret. A rotated secret has another key. */
  readonly secretId: string
  readonly app: AppToken | null
  readonly mintedBy: string | null
}

/** A new token to record. */
export interface NewToken extends Authority {
  readonly name: string
  /** ID of the token or grant that creates it, or `null`. */
  readonly mintedBy: string | null
}

/** A token's access as the Worker caches it. */
export type TokenGrant = Pick<Grant, 'tokenId' | 'secretId' | 'role' | 'tableScope' | 'expiresAtMs'> &
  Pick<Authority, 'origins'>

/** A new secret and its hash. */
export interface Secret {
  readonly secret: string
  readonly hash: string
}

const COLUMNS = `id, name, role, table_scope, claims, preview, created_at, expires_at, databases, selection, operations, origins, grant_id,
  user_id, audience, minted_by, generation`

/** The tokens of a namespace. Only the hashes of their secrets are stored. */
export class Tokens {
  readonly #sql: SqlStorage
  /** The creators of tokens and handoffs. */
  readonly origins: Origins
  readonly selections: Selections

  constructor(sql: SqlStorage) {
    this.#sql = sql
    this.origins = new Origins(sql)
    this.selections = new Selections(sql)
  }

  /** Returns the token whose secret has this hash. @throws PerSQLError `token_unknown` */
  byHash(hash: string, nowMs: number): LiveToken {
    const [row] = this.#rows(`WHERE hash = ? AND ${LIVE}`, hash, nowMs)
    if (!row) throw new PerSQLError('token_unknown')
    return this.#toLiveToken(row)
  }

  /** Returns a token by its ID. @throws PerSQLError `token_not_found` */
  get(id: string, nowMs: number): LiveToken {
    const [row] = this.#rows(`WHERE id = ? AND ${LIVE}`, id, nowMs)
    if (!row) throw new PerSQLError('token_not_found', { id })
    return this.#toLiveToken(row)
  }

  /** Returns the token of a secret's key. @throws PerSQLError `token_unknown` if the secret was rotated */
  bySecretId(secretId: string, nowMs: number): LiveToken {
    const [row] = this.#rows(`WHERE id = ? AND ${LIVE}`, parseTokenId(secretId), nowMs)
    const token = row && this.#toLiveToken(row)
    if (token?.secretId !== secretId) throw new PerSQLError('token_unknown')
    return token
  }

  /** Returns a live token as responses contain it. @throws PerSQLError `token_not_found` */
  show(id: string, nowMs: number): Token {
    const [row] = this.#rows(`WHERE id = ? AND ${LIVE}`, id, nowMs)
    if (!row) throw new PerSQLError('token_not_found', { id })
    return this.#toToken(row, this.origins.counts(nowMs))
  }

  /** Returns a page of the live tokens of a filter, oldest first. @throws PerSQLError `invalid_input` */
  page(filter: TokenListFilter, paging: Paging, nowMs: number): Listed<Token> {
    const descendants = this.origins.counts(nowMs)
    const { where, params } = toConditions(filter, this.selections.findPlace, nowMs)
    const read = (after: readonly [number, string] | undefined, limit = -1) => {
      const behind = after === undefined ? '' : 'AND (created_at, id) > (?, ?)'
      return this.#rows(`WHERE ${where} ${behind} ORDER BY created_at, id LIMIT ?`, ...params, ...(after ?? []), limit)
    }
    const { total } = this.#sql
      .exec<{ total: number }>(`SELECT count(*) AS total FROM token WHERE ${where}`, ...params)
      .one()
    return mapPage(readPage(BY_AGE, paging, read, total), (row) => this.#toToken(row, descendants))
  }

  /** Records a token whose secret the Worker created. */
  add({ secret, hash }: Secret, token: NewToken, nowMs: number): MintedToken {
    const id = newId()
    const { name, role, tableScope, opens, operations, claims, expiresAtMs, origins, mintedBy } = token
    const { databases, selection } = toColumns(opens)
    this.#sql.exec(
      `INSERT INTO token
         (id, hash, name, role, table_scope, claims, preview, created_at, expires_at, databases, selection, operations,
          origins, minted_by)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      id,
      hash,
      name,
      role,
      tableScope && JSON.stringify(tableScope),
      claims && JSON.stringify(claims),
      createPreview(secret),
      nowMs,
      expiresAtMs,
      databases,
      selection,
      operations && JSON.stringify(operations),
      origins && JSON.stringify(origins),
      mintedBy,
    )
    return this.#minted(id, secret, new Map())
  }

  /** Rotates the secret of a token. Returns the token with the new secret, and the key of the old one. */
  rotate(id: string, { secret, hash }: Secret, nowMs: number): { token: MintedToken; replaced: string } {
    const { secretId: replaced } = this.get(id, nowMs)
    this.#sql.exec(
      'UPDATE token SET hash = ?, preview = ?, generation = generation + 1 WHERE id = ?',
      hash,
      createPreview(secret),
      id,
    )
    this.noteEnded([replaced], nowMs)
    return { token: this.#minted(id, secret, this.origins.counts(nowMs)), replaced }
  }

  /**
   * Records an access token of an app by its hash, the only part known here. Also deletes tokens that ended long ago.
   */
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
      newId(),
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

  /** Returns when a grant last issued a token. */
  lastOfGrant(grantId: string): number | null {
    const [row] = this.#sql.exec<{ at: number | null }>(
      'SELECT max(created_at) AS at FROM token WHERE grant_id = ?',
      grantId,
    )
    return row?.at ?? null
  }

  /** Returns the IDs of the access tokens of a grant, or of all apps of a member. */
  ofApps(column: 'grant_id' | 'user_id', value: string): string[] {
    return this.#ids(`${column} = ?`, value)
  }

  /** Returns the IDs of the tokens that are limited to this database. */
  pinnedTo(databaseId: string): string[] {
    return this.#ids('databases = ?', JSON.stringify([databaseId]))
  }

  /** Returns the IDs of the tokens with this hash: one or none. */
  idsByHash(hash: string): string[] {
    return this.#ids('hash = ?', hash)
  }

  /**
   * Revokes credentials by IDs of tokens and grants, with all their descendants. Call it in a transaction. Returns the
   * keys that databases must refuse, and how many other credentials ended.
   */
  revoke(ids: readonly string[], nowMs: number): Revocation {
    const all = this.origins.withDescendants(ids)
    const revoked = [
      ...this.#sql.exec<{ id: string; generation: number; expires_at: number | null }>(
        `UPDATE token SET revoked_at = ? WHERE revoked_at IS NULL AND id IN (SELECT value FROM json_each(?))
         RETURNING id, generation, expires_at`,
        nowMs,
        JSON.stringify(all),
      ),
    ]
    const handoffs = this.origins.dropHandoffs(all, nowMs)
    const others = revoked.filter(({ id, expires_at }) => !ids.includes(id) && (expires_at ?? nowMs + 1) > nowMs)
    const grants = ids.filter((id) => !id.startsWith(PREFIX))
    this.noteEnded(grants, nowMs)
    const keys = revoked.flatMap(({ id, generation }) => [id, toSecretId(id, generation)])
    return { keys: [...keys, ...grants], descendants: others.length + handoffs }
  }

  /** Records keys that databases must refuse, for as long as a cache can hold them. */
  noteEnded(keys: readonly string[], nowMs: number): void {
    if (keys.length === 0) return
    this.#sql.exec('DELETE FROM ended_key WHERE at < ?', nowMs - REPORT_MS)
    for (const key of keys) this.#sql.exec('INSERT OR REPLACE INTO ended_key VALUES (?, ?)', key, nowMs)
  }

  /** Returns the keys that ended so recently that a cache can still hold them. */
  recentlyEnded(nowMs: number): string[] {
    const sinceMs = nowMs - REPORT_MS
    const revoked = this.#sql.exec<{ id: string; generation: number }>(
      'SELECT id, generation FROM token WHERE revoked_at > ?',
      sinceMs,
    )
    const ended = this.#sql.exec<{ key: string }>('SELECT key FROM ended_key WHERE at > ?', sinceMs)
    return [
      ...revoked.toArray().flatMap(({ id, generation }) => [id, toSecretId(id, generation)]),
      ...ended.toArray().map(({ key }) => key),
    ]
  }

  /** Returns whether a key belongs to a live token and its current secret. */
  isLive(key: string, nowMs: number): boolean {
    const [row] = this.#rows(`WHERE id = ? AND ${LIVE}`, parseTokenId(key), nowMs)
    return row !== undefined && (!key.includes('.') || key === toSecretId(row.id, row.generation))
  }

  #minted(id: string, secret: string, descendants: ReadonlyMap<string, number>): MintedToken {
    const [row] = this.#rows('WHERE id = ?', id)
    return { ...this.#toToken(row as Row, descendants), token: secret }
  }

  #ids(where: string, value: string): string[] {
    const rows = this.#sql.exec<{ id: string }>(`SELECT id FROM token WHERE ${where} AND revoked_at IS NULL`, value)
    return [...rows].map(({ id }) => id)
  }

  #rows(where: string, ...params: (string | number)[]): Row[] {
    return this.#sql.exec(`SELECT ${COLUMNS} FROM token ${where}`, ...params).toArray() as unknown as Row[]
  }

  #toLiveToken(row: Row): LiveToken {
    return {
      id: row.id,
      name: row.name,
      secretId: toSecretId(row.id, row.generation),
      role: row.role,
      tableScope: list(row.table_scope),
      ...this.#getLimits(row),
      expiresAtMs: row.expires_at,
      claims: row.claims === null ? null : (JSON.parse(row.claims) as Token['claims']),
      origins: list(row.origins),
      app:
        row.grant_id && row.user_id && row.audience
          ? { grantId: row.grant_id, userId: row.user_id, audience: row.audience }
          : null,
      mintedBy: row.minted_by,
    }
  }

  #toToken(row: Row, descendants: ReadonlyMap<string, number>): Token {
    const { opens, operations } = this.#getLimits(row)
    return {
      id: row.id,
      name: row.name,
      role: row.role,
      tableScope: list(row.table_scope),
      claims: row.claims === null ? null : (JSON.parse(row.claims) as Token['claims']),
      ...this.selections.show(opens),
      operations,
      origins: list(row.origins),
      preview: row.preview,
      createdAt: toIso(row.created_at),
      expiresAt: toIso(row.expires_at),
      mintedBy: row.minted_by,
      parentId: row.minted_by?.startsWith(PREFIX) ? row.minted_by : null,
      descendants: descendants.get(row.grant_id ?? row.id) ?? 0,
    }
  }

  /** Returns the databases and operations of a token, limited to those of the tokens that it descends from. */
  #getLimits(row: Row): { opens: Selection | null; operations: string[] | null } {
    const all: Limits[] = row.minted_by?.startsWith(PREFIX) ? [row, ...this.#readLimits(row.minted_by)] : [row]
    const opens = all.length === 1 ? parseSelection(row) : intersect(all.map(parseSelection), this.selections.findPlace)
    if (all.every((one) => one.operations === null)) return { opens, operations: null }
    const lists = all.flatMap((one) => {
      const limit = limitingOperations({ opens: parseSelection(one), operations: list(one.operations) })
      return limit ? [limit] : []
    })
    const operations = (lists[0] ?? []).filter((name) => lists.every((other) => other.includes(name)))
    return { opens, operations }
  }

  /** Returns the limits of a token and of those that it descends from. */
  #readLimits(id: string): Limits[] {
    return this.#sql
      .exec<{ databases: string | null; selection: string | null; operations: string | null }>(
        `WITH RECURSIVE creator (id, minted_by, databases, selection, operations) AS (
           SELECT id, minted_by, databases, selection, operations FROM token WHERE id = ?
           UNION SELECT token.id, token.minted_by, token.databases, token.selection, token.operations
             FROM creator JOIN token ON token.id = creator.minted_by
         ) SELECT databases, selection, operations FROM creator`,
        id,
      )
      .toArray()
  }
}

/** The outcome of a revocation. */
export interface Revocation {
  readonly keys: readonly string[]
  readonly descendants: number
}

const BY_AGE: Order<Row, [number, string]> = {
  name: 'tokens',
  key: z.tuple([z.int(), z.string()]),
  toKey: ({ created_at, id }) => [created_at, id],
  measure: ({ table_scope, claims, origins }) =>
    (table_scope?.length ?? 0) + (claims?.length ?? 0) + (origins?.length ?? 0),
}

const PREFIX = 'tok_'
const newId = () => `${PREFIX}${crypto.randomUUID().replaceAll('-', '').slice(0, 20)}`
const toSecretId = (id: string, generation: number) => `${id}.${generation}`
/** Returns the token ID in a secret's key. */
const parseTokenId = (key: string): string => key.split('.', 1)[0] as string

const list = (text: string | null): string[] | null => (text === null ? null : (JSON.parse(text) as string[]))
