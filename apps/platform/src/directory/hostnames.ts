import { RpcTarget } from 'cloudflare:workers'
import { type Hostname, MAX_HOSTNAMES, PerSQLError } from '@persql/contract'
import { limitReached } from '../storage/limit-reached.ts'
import type { Migration } from '../storage/migrate.ts'

export const HOSTNAMES: Migration = {
  name: 'hostnames',
  sql: `
    -- Many may claim a hostname; one of them has proved it theirs, and a database made anew under a slug is another one.
    CREATE TABLE hostname (
      hostname TEXT NOT NULL,
      database_id TEXT NOT NULL,
      namespace TEXT NOT NULL,
      database TEXT NOT NULL,
      proof TEXT NOT NULL,
      status TEXT NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'failed')),
      certificate TEXT,
      error TEXT,
      created_at INTEGER NOT NULL,
      verified_at INTEGER,
      PRIMARY KEY (database_id, hostname)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX hostname_active ON hostname (hostname) WHERE status = 'active';
    CREATE INDEX hostname_namespace ON hostname (namespace);
  `,
}

/** A database that hostnames can route to. The ID distinguishes it from a later database with the same slug. */
export interface Owner {
  readonly namespace: string
  readonly database: string
  readonly databaseId: string
}

/** The database that a hostname routes to. */
export interface Hosted {
  readonly namespace: string
  readonly database: string
}

/** One database's claim to a hostname. */
export interface Claim extends Omit<Hostname, 'verification' | 'target' | 'createdAt' | 'verifiedAt'> {
  /** The value of the TXT record. Each claim has its own, so a record verifies one claim only. */
  readonly proof: string
  readonly createdAtMs: number
  readonly verifiedAtMs: number | null
}

/** The result of a DNS lookup for a claim. */
export type Finding = Pick<Claim, 'certificate' | 'error'> & { readonly status: 'active' | 'failed' }

type Row = {
  hostname: string
  proof: string
  status: Claim['status']
  certificate: string | null
  error: string | null
  created_at: number
  verified_at: number | null
}

/**
 * The claims to hostnames, and the database that each verified hostname routes to. Each method is synchronous, so it
 * runs in one transaction.
 */
export class Hostnames extends RpcTarget {
  readonly #sql: SqlStorage
  readonly #onChange: () => void

  /** @param onChange called when a hostname can route elsewhere */
  constructor(sql: SqlStorage, onChange: () => void) {
    super()
    this.#sql = sql
    this.#onChange = onChange
  }

  /** Returns the database that a verified hostname routes to. */
  hosted(hostname: string): Hosted | undefined {
    return this.#sql
      .exec<{ namespace: string; database: string }>(
        "SELECT namespace, database FROM hostname WHERE hostname = ? AND status = 'active'",
        hostname,
      )
      .toArray()[0]
  }

  /** Lists all verified hostnames with the namespaces that they route to. */
  listActive(): { hostname: string; namespace: string }[] {
    return this.#sql
      .exec<{ hostname: string; namespace: string }>(
        "SELECT hostname, namespace FROM hostname WHERE status = 'active' ORDER BY hostname",
      )
      .toArray()
  }

  list(databaseId: string): Claim[] {
    return this.#rows('WHERE database_id = ? ORDER BY hostname', databaseId).map(toClaim)
  }

  /**
   * Returns the claim, created first if it is missing. An unverified claim doesn't prevent other claims to the same
   * hostname.
   * @throws PerSQLError `hostname_taken` or `limit_reached`
   */
  claim(owner: Owner, hostname: string, proof: string, nowMs: number): { claim: Claim; isNew: boolean } {
    const { namespace, database, databaseId } = owner
    const known = this.#find(databaseId, hostname)
    if (known) return { claim: known, isNew: false }
    this.#refuseTaken(databaseId, hostname)
    if (this.list(databaseId).length >= MAX_HOSTNAMES) throw limitReached(MAX_HOSTNAMES, 'hostnames')
    this.#sql.exec(
      'INSERT INTO hostname (hostname, database_id, namespace, database, proof, created_at) VALUES (?, ?, ?, ?, ?, ?)',
      hostname,
      databaseId,
      namespace,
      database,
      proof,
      nowMs,
    )
    return { claim: this.get(databaseId, hostname), isNew: true }
  }

  /** @throws PerSQLError `hostname_not_found` */
  get(databaseId: string, hostname: string): Claim {
    const claim = this.#find(databaseId, hostname)
    if (!claim) throw new PerSQLError('hostname_not_found', { hostname })
    return claim
  }

  /**
   * Returns a claim that is active or can still be verified. @throws PerSQLError `hostname_not_found`, `hostname_taken`
   */
  open(databaseId: string, hostname: string): Claim {
    const claim = this.get(databaseId, hostname)
    this.#refuseTaken(databaseId, hostname)
    return claim
  }

  /** Records the result of a lookup. @throws PerSQLError `hostname_not_found` or `hostname_taken` */
  record(databaseId: string, hostname: string, { status, certificate, error }: Finding, nowMs: number): Claim {
    if (status === 'active') this.#refuseTaken(databaseId, hostname)
    // A claim that another lookup verified in the meantime stays active.
    this.#change(
      `UPDATE hostname SET status = iif(status = 'active', status, ?1), certificate = ?2, error = ?3,
         verified_at = iif(?1 = 'active', coalesce(verified_at, ?4), verified_at)
       WHERE database_id = ?5 AND hostname = ?6`,
      status,
      certificate && JSON.stringify(certificate),
      error,
      nowMs,
      databaseId,
      hostname,
    )
    return this.get(databaseId, hostname)
  }

  remove(databaseId: string, hostname: string): void {
    this.#change('DELETE FROM hostname WHERE database_id = ? AND hostname = ?', databaseId, hostname)
  }

  /** Deletes the claims of a database. */
  dropDatabase(databaseId: string): void {
    this.#change('DELETE FROM hostname WHERE database_id = ?', databaseId)
  }

  /** Deletes the claims of a namespace. */
  dropNamespace(slug: string): void {
    this.#change('DELETE FROM hostname WHERE namespace = ?', slug)
  }

  #change(sql: string, ...params: SqlStorageValue[]): void {
    if (this.#sql.exec(sql, ...params).rowsWritten > 0) this.#onChange()
  }

  #refuseTaken(databaseId: string, hostname: string): void {
    const [row] = this.#sql.exec("SELECT database_id FROM hostname WHERE hostname = ? AND status = 'active'", hostname)
    if (row && row.database_id !== databaseId) throw new PerSQLError('hostname_taken', { hostname })
  }

  #find(databaseId: string, hostname: string): Claim | undefined {
    return this.#rows('WHERE database_id = ? AND hostname = ?', databaseId, hostname).map(toClaim)[0]
  }

  #rows(where: string, ...params: string[]): Row[] {
    const columns = 'hostname, proof, status, certificate, error, created_at, verified_at'
    return this.#sql.exec<Row>(`SELECT ${columns} FROM hostname ${where}`, ...params).toArray()
  }
}

function toClaim({ certificate, created_at, verified_at, ...row }: Row): Claim {
  return {
    ...row,
    certificate: certificate === null ? null : (JSON.parse(certificate) as Claim['certificate']),
    createdAtMs: created_at,
    verifiedAtMs: verified_at,
  }
}
