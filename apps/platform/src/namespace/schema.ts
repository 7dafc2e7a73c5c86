import type { Migration } from '../storage/migrate.ts'
import { AUDIT } from './audit.ts'
import { REFUND_PARTS, TOP_UPS } from './credit/top-ups.ts'
import { TRANSFERS } from './credit/transfer-records.ts'
import { LINEAGE } from './databases/branch-registry.ts'
import { DAMAGE } from './databases/damage.ts'
import { DETAILS, MAX_BYTES } from './databases/database-details.ts'
import { LIST_ORDERS, SIZES } from './databases/databases.ts'
import { ORIGINS } from './databases/origins.ts'
import { SCHEMA_SUMMARIES } from './databases/schema-summaries.ts'
import { WAKE_UPS } from './databases/wake-ups.ts'
import { AI_TOKENS, STORAGE_CHARGES, TOKEN_USAGE } from './ledger/ledger.ts'
import { MEMBERS } from './members/members.ts'
import { OAUTH } from './tokens/oauth-records.ts'
import { TOKEN_SELECTION } from './tokens/selections.ts'
import { TOKEN_ORIGINS, TOKEN_PAGES } from './tokens/tokens.ts'

/**
 * The tables of a namespace. Amounts are in nano-dollars, times in milliseconds since 1970. Append only: never edit a
 * released migration.
 */
export const NAMESPACE_SCHEMA: readonly Migration[] = [
  {
    name: 'databases, tokens, ledger, usage',
    sql: `
      CREATE TABLE database (
        id TEXT PRIMARY KEY,
        slug TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        status TEXT NOT NULL CHECK (status IN ('healthy', 'deleting')),
        created_at INTEGER NOT NULL,
        requests INTEGER NOT NULL DEFAULT 0,
        rows_read INTEGER NOT NULL DEFAULT 0,
        rows_written INTEGER NOT NULL DEFAULT 0,
        lease_version INTEGER NOT NULL DEFAULT 0,
        ceiling_nano INTEGER NOT NULL DEFAULT 0
      ) STRICT;

      CREATE TABLE token (
        id TEXT PRIMARY KEY,
        hash TEXT NOT NULL UNIQUE,
        name TEXT NOT NULL,
        role TEXT NOT NULL,
        table_scope TEXT,
        claims TEXT,
        preview TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        expires_at INTEGER,
        revoked_at INTEGER
      ) STRICT;
      CREATE INDEX token_revoked ON token (revoked_at) WHERE revoked_at IS NOT NULL;

      CREATE TABLE ledger (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        at INTEGER NOT NULL,
        kind TEXT NOT NULL,
        amount_nano INTEGER NOT NULL,
        balance_nano INTEGER NOT NULL,
        ref TEXT NOT NULL UNIQUE,
        detail TEXT NOT NULL
      ) STRICT;
      CREATE TRIGGER ledger_keeps_entries BEFORE UPDATE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;
      CREATE TRIGGER ledger_loses_nothing BEFORE DELETE ON ledger BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END;

      CREATE TABLE usage (
        day TEXT NOT NULL,
        database_id TEXT NOT NULL,
        slug TEXT NOT NULL,
        requests INTEGER NOT NULL DEFAULT 0,
        rows_read INTEGER NOT NULL DEFAULT 0,
        rows_written INTEGER NOT NULL DEFAULT 0,
        storage_byte_hours INTEGER NOT NULL DEFAULT 0,
        ai_tokens INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (day, database_id)
      ) STRICT, WITHOUT ROWID;
    `,
  },
  AUDIT,
  MEMBERS,
  STORAGE_CHARGES,
  TOP_UPS,
  TOKEN_USAGE,
  AI_TOKENS,
  LINEAGE,
  OAUTH,
  SIZES,
  REFUND_PARTS,
  TOKEN_PAGES,
  ORIGINS,
  WAKE_UPS,
  TRANSFERS,
  DAMAGE,
  TOKEN_ORIGINS,
  DETAILS,
  TOKEN_SELECTION,
  SCHEMA_SUMMARIES,
  LIST_ORDERS,
  MAX_BYTES,
]
