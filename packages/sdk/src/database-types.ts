import type { PageOptions } from './types.ts'

/** The locations that a database can be created near. `auto`: near its first use. */
export type Region = 'auto' | 'wnam' | 'enam' | 'sam' | 'weur' | 'eeur' | 'apac' | 'oc' | 'afr' | 'me'

/** A new database. */
export interface NewDatabase {
  slug: string
  /** Default: the slug. */
  name?: string
  description?: string | null
  labels?: Record<string, string>
  deleteProtected?: boolean
  /** Days until it is deleted automatically: 1 to 365. */
  ttlDays?: number
  expiresAt?: string
  /** The bytes that the database can store, at least 1 MiB. */
  maxBytes?: number | null
  /** A hint. Ignored on a single machine. */
  region?: Region
}

/** Changes of a database. A missing field stays as it is. */
export interface DatabaseChanges {
  name?: string
  description?: string | null
  /** Changes the labels with these keys; `null` deletes one. */
  labels?: Record<string, string | null>
  deleteProtected?: boolean
  /** Days until it is deleted automatically: 1 to 365; `null` for never. */
  ttlDays?: number | null
  /** `null` for never. */
  expiresAt?: string | null
  /** The bytes that the database can store, at least 1 MiB; `null` for no limit of its own. */
  maxBytes?: number | null
}

/** A filter of databases, of which all given fields have to match, with an order and a page. */
export interface DatabaseFilter extends PageOptions {
  /** Another name of `pageSize`. */
  limit?: number
  /** Default: `slug`. A minus sorts in descending order; databases without a value come last. */
  sort?: 'slug' | '-createdAt' | '-lastUsedAt' | '-storedBytes' | '-rows'
  /** Labels that all have to match, such as `plan:pro,region:eu`. In a value, a backslash escapes a comma. */
  labels?: string
  /** Part of the slug or the name. */
  q?: string
  /** The start of the slug. */
  prefix?: string
  /** Default: `include`. */
  branches?: 'include' | 'only' | 'none'
  /** The slug of an existing database, or the ID of any database. */
  forkedFrom?: string
  status?: 'healthy' | 'provisioning' | 'damaged' | 'deleting'
  createdFrom?: 'empty' | 'fork' | 'branch'
  /** Databases that weren't used since then; for databases that were never used, the time of creation counts. */
  usedBefore?: string
  expiringBefore?: string
}

/** A database or branch in the list of the namespace. */
export interface DatabaseInfo {
  id: string
  slug: string
  name: string
  description: string | null
  /** Visible to every token that has access to the database. */
  labels: Record<string, string>
  /** Whether the database can't be deleted until this is `false`. */
  deleteProtected: boolean
  /** The location that was requested; `null` for any. */
  region: Exclude<Region, 'auto'> | null
  /** The bytes that the database can store, below the quotas of the namespace; `null` for no limit of its own. */
  maxBytes: number | null
  createdFrom: 'empty' | 'fork' | 'branch'
  /** `token:<id>`, `user:<id>` or `operator`; `null` if unknown. */
  createdBy: string | null
  status: 'healthy' | 'provisioning' | 'damaged' | 'deleting'
  createdAt: string
  branchRef: string | null
  forkedFrom: { id: string; slug: string; name: string } | null
  forkedAt: string | null
  expiresAt: string | null
  /** Billed bytes of rows and indexes. */
  storedBytes: number | null
  /** Number of rows in all tables. */
  rows: number | null
  /** Whether `rows` is estimated from samples, as for large databases. */
  rowsAreEstimated: boolean
  /** The time of the last measurement, a few seconds after the last write. */
  measuredAt: string | null
  /** The time of last use, accurate to a few seconds. */
  lastUsedAt: string | null
  /** Equal for schemas that behave alike; `null` until the first measurement. */
  schemaHash: string | null
  /** The migration that was applied last, and the number of applied ones. */
  migration: { name: string; appliedAt: string; count: number } | null
}
