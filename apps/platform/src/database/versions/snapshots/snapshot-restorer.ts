import type { Snapshot } from '@persql/contract'
import { now } from '../../../clock.ts'
import { diffObjects, named, readObjects, type SchemaObject } from '../../../sqlite/schema-diff.ts'
import type { RunSql } from '../../../sqlite/schema-map.ts'
import type { Growth } from '../../engine/growth.ts'
import { createRunSql } from '../../engine/run-sql.ts'
import type { IdentityStore } from '../../identity.ts'
import type { Content } from '../copy/content.ts'
import type { CopyLoader } from '../copy/copy-loader.ts'
import type { SchemaChangeLog } from '../schema-changes.ts'
import type { Snapshots } from './snapshots.ts'

/** The services that restore a snapshot. */
export interface SnapshotRestorerOptions {
  readonly storage: DurableObjectStorage
  readonly identity: IdentityStore
  readonly history: Snapshots
  readonly loader: CopyLoader
  readonly content: Content
  readonly schemaChanges: SchemaChangeLog
  readonly growth: Growth
}

/** Restores snapshots of this database. */
export class SnapshotRestorer {
  readonly #options: SnapshotRestorerOptions
  readonly #run: RunSql

  constructor(options: SnapshotRestorerOptions) {
    this.#options = options
    this.#run = createRunSql(options.storage.sql)
  }

  /**
   * Restores a snapshot, given its ID or a time, after creating a snapshot of the current state.
   * @throws PerSQLError `snapshot_not_found`, `quota_exceeded`, `copy_impossible` or `copy_cut_off`
   */
  async restore(wanted: string | number, actor: string): Promise<{ restored: Snapshot; before: Snapshot }> {
    const { history } = this.#options
    const restored = history.find(wanted)
    const before = await history.create(`Before restoring "${restored.label}"`.slice(0, 80), true, restored.id)
    await this.#load(restored, actor)
    return { restored, before }
  }

  async #load({ id, label, rows: expectedRows }: Snapshot, actor: string): Promise<void> {
    const { identity, loader, content, growth } = this.#options
    const { namespace, slug } = identity.known
    let before: readonly SchemaObject[] = []
    await loader.load(
      { namespace, name: `${slug}@${id}`, id: undefined },
      {
        expectedRows,
        clear: () => {
          growth.begin()
          before = readObjects(this.#run)
          content.clearMerges()
        },
        end: () => {
          growth.check()
          this.#record(label, before, actor)
        },
        takeMigrations: content.replaceMigrations(false),
      },
    )
  }

  /** Records the schema changes of a restore in the schema change log. */
  #record(label: string, before: readonly SchemaObject[], actor: string): void {
    const { added, removed, changed } = diffObjects(before, readObjects(this.#run))
    const objects = [
      ...added.map((object) => ({ ...named(object), change: 'added' as const })),
      ...removed.map((object) => ({ ...named(object), change: 'removed' as const })),
      ...changed.map((object) => ({ ...named(object), change: 'changed' as const })),
    ]
    const text = `-- Restore of "${label.replace(/\s+/g, ' ')}"`
    if (objects.length > 0) this.#options.schemaChanges.add({ text, verb: 'RESTORE' }, objects, actor, now())
  }
}
