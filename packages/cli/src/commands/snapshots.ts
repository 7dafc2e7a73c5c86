import { usage } from '../cli-error.ts'
import { type Command, command, database, yes } from '../command.ts'
import { count, listing } from '../format-output.ts'
import { withProgress } from '../progress.ts'
import { confirm } from '../prompt.ts'
import { moment } from '../values.ts'

const list = command({
  path: 'db snapshot list',
  summary: "List a database's snapshots, newest first",
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).snapshots.list()
    return { json, text: listing(json, ['id', 'label', 'createdAt', 'rows', 'automatic'], 'No snapshots.') }
  },
})

const create = command({
  path: 'db snapshot create',
  summary: 'Create a snapshot of all tables and rows',
  args: { database, label: { help: 'Label' } },
  async run(ctx, { args }) {
    const { snapshots } = await ctx.database(args.database)
    const json = await withProgress(ctx.progress('Copying'), () => snapshots.create(args.label, { timeoutMs: 0 }))
    return { json, text: `Created snapshot ${json.id} with ${count(json.rows, 'row')}.` }
  },
})

const remove = command({
  path: 'db snapshot delete',
  summary: 'Delete a snapshot',
  args: { database, id: { help: 'Snapshot ID' } },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `This deletes snapshot ${args.id}.`, args.id, options.yes)
    return { json: await (await ctx.database(args.database)).snapshots.delete(args.id), text: `Deleted ${args.id}.` }
  },
})

const restore = command({
  path: 'db restore',
  summary: 'Restore all tables and rows from a snapshot; the current state is saved first',
  args: { database },
  options: {
    snapshot: { help: 'Snapshot ID', value: 'id' },
    time: {
      help: 'Restore the latest snapshot created at or before this time, for example 2026-11-21T12:00:00Z',
      value: 'time',
    },
    yes,
  },
  async run(ctx, { args, options }) {
    const { snapshot, time } = options
    if ((snapshot === undefined) === (time === undefined)) throw usage('Pass --snapshot or --time.')
    const to = snapshot === undefined ? { timestamp: moment('--time', time ?? '') } : { snapshotId: snapshot }
    const db = await ctx.database(args.database)
    await confirm(ctx, `This restores ${db.namespace}/${db.slug} to ${snapshot ?? time}.`, db.slug, options.yes)
    const json = await withProgress(ctx.progress('Restoring'), () => db.snapshots.restore(to, { timeoutMs: 0 }))
    const { restored, before } = json
    const undo = `To undo: persql db restore ${db.namespace}/${db.slug} --snapshot ${before.id}`
    return { json, text: `Restored "${restored.label}" from ${restored.createdAt}.\n${undo}` }
  },
})

export const snapshotCommands: Command[] = [list, create, remove, restore]
