import { now } from '../../../clock.ts'
import type { Env } from '../../../env.ts'
import { lower } from '../../../sqlite/identifiers.ts'
import { diffObjects, named, readObjects, type SchemaObject } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { DamagedText } from '../../../sqlite/walk.ts'
import type { LongTransaction } from '../../../storage/long-transaction.ts'
import type { Access } from '../../calls/access.ts'
import { databaseObject } from '../../calls/neighbors.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { Identity, IdentityStore } from '../../identity.ts'
import type { Lifecycle } from '../../lifecycle.ts'
import { renewRows } from '../merge/fork-state.ts'
import { dropSchemas, MERGED } from '../merge/merge-base-schema.ts'
import type { Ledger } from '../migrations/ledger.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import type { Restore } from '../snapshots/snapshots.ts'
import type { Content } from './content.ts'
import { copyError } from './failure.ts'
import { loadFrom } from './load-copy.ts'
import type { Source } from './source.ts'

/** The services that a copy uses. */
interface CopyTargetServices {
  readonly env: Env
  readonly storage: DurableObjectStorage
  readonly inTransaction: LongTransaction
  readonly identity: IdentityStore
  readonly lifecycle: Lifecycle
  readonly access: Access
  readonly content: Content
  readonly ledger: Ledger
  readonly schemaChanges: SchemaChangeLog
}

/** The key of the texts of a copy that aren't UTF-8. */
const DAMAGED = 'damaged-texts'

/** The receiving side of a `CopySource`: replaces the tables and rows of this object by those of another one. */
export class CopyTarget {
  readonly #services: CopyTargetServices
  readonly #run: RunSql

  constructor(services: CopyTargetServices) {
    const { sql } = services.storage
    this.#services = services
    this.#run = createRunSql(sql)
  }

  /**
   * Copies tables and rows, all or nothing. With an identity, this object is that database from then on. Without one,
   * it keeps its identity, or has none if it is a snapshot. Returns the number of rows.
   * @throws PerSQLError `copy_cut_off`, `copy_impossible`, `took_too_long` or `database_not_found`
   */
  async copyFrom(identity: Identity | undefined, from: Source, restore?: Restore): Promise<number> {
    const { env, storage, inTransaction, lifecycle, access, ledger, identity: own } = this.#services
    if (identity && own.current && own.current.id !== identity.id) await lifecycle.wipe(own.current.id)
    if (identity && !own.current) lifecycle.adopt(identity)
    try {
      const { source } = databaseObject(env, from.namespace, from.name)
      let before: readonly SchemaObject[] = []
      const clear = () => {
        before = readObjects(this.#run)
        this.#clear(identity !== undefined)
      }
      const { rows, damaged } = await access.replace(() =>
        loadFrom(storage, inTransaction, {
          ...{ source, sourceId: from.id, clear },
          wanted: { rows: 'all', migrations: 'all' },
          end: () => restore && this.#recordRestore(restore, before),
          takeMigrations: ledger.replace(identity !== undefined),
        }),
      )
      if (!own.current && damaged.length > 0) storage.kv.put(DAMAGED, damaged)
      return rows
    } catch (cause) {
      throw copyError(cause)
    }
  }

  /** Returns a text of a table that was not UTF-8 when this object became a copy. */
  damagedIn(table: string): DamagedText | undefined {
    const damaged = this.#services.storage.kv.get<DamagedText[]>(DAMAGED)
    return damaged?.find((text) => lower(text.table) === lower(table))
  }

  #clear(isAnother: boolean): void {
    const { content, storage } = this.#services
    if (isAnother) content.clear()
    // Merge bases are invalid, because the restored state may not contain the merged changes.
    else {
      dropSchemas(storage.kv, MERGED)
      content.forgetMerged()
      renewRows(storage.kv)
    }
  }

  /** Records the schema changes of a restore in the schema change log. */
  #recordRestore({ actor, label }: Restore, before: readonly SchemaObject[]): void {
    const { added, removed, changed } = diffObjects(before, readObjects(this.#run))
    const objects = [
      ...added.map((object) => ({ ...named(object), change: 'added' as const })),
      ...removed.map((object) => ({ ...named(object), change: 'removed' as const })),
      ...changed.map((object) => ({ ...named(object), change: 'changed' as const })),
    ]
    const text = `-- Restore of "${label.replace(/\s+/g, ' ')}"`
    if (objects.length > 0) this.#services.schemaChanges.add({ text, verb: 'RESTORE' }, objects, actor, now())
  }
}
