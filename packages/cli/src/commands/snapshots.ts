import { confirm } from '../ask.ts'
import { type Command, command, database, yes } from '../command.ts'
import { usage } from '../exits.ts'
import { during } from '../progress.ts'
import { count, listing } from '../render.ts'
import { moment } from '../values.ts'

const list = command({
  path: 'db snapshot list',
  summary: 'List the snapshots of a database, the newest first',
  args: { database },
  async run(ctx, { args }) {
    const json = await (await ctx.database(args.database)).snapshots.list()
    return { json, text: listing(json, ['id', 'label', 'createdAt', 'rows', 'automatic'], 'No snapshots.') }
  },
})

const create = command({
  path: 'db snapshot create',
  summary: 'Keep all tables and rows as they are now',
  args: { database, label: { help: 'What it is called' } },
  async run(ctx, { args }) {
    const { snapshots } = await ctx.database(args.database)
    const json = await during(ctx.progress('Copying'), () => snapshots.create(args.label, { timeoutMs: 0 }))
    return { json, text: `Kept ${count(json.rows, 'row')} as ${json.id}.` }
  },
})

const remove = command({
  path: 'db snapshot delete',
  summary: 'Delete a snapshot',
  args: { database, id: { help: 'The id of the snapshot' } },
  options: { yes },
  async run(ctx, { args, options }) {
    await confirm(ctx, `This deletes the snapshot ${args.id}.`, args.id, options.yes)
    return { json: await (await ctx.database(args.database)).snapshots.delete(args.id), text: `Deleted ${args.id}.` }
  },
})

const restore = command({
  path: 'db restore',
  summary: 'Put all tables and rows back to what a snapshot holds; what is there now is kept first',
  args: { database },
  options: {
    snapshot: { help: 'The id of the snapshot', value: 'id' },
    time: { help: 'The newest snapshot that is not newer than this, like 2026-11-21T12:00:00Z', value: 'moment' },
    yes,
  },
  async run(ctx, { args, options }) {
    const { snapshot, time } = options
    if ((snapshot === undefined) === (time === undefined)) throw usage('Give --snapshot or --time.')
    const to = snapshot === undefined ? { timestamp: moment('--time', time ?? '') } : { snapshotId: snapshot }
    const db = await ctx.database(args.database)
    await confirm(ctx, `This puts ${db.namespace}/${db.slug} back to ${snapshot ?? time}.`, db.slug, options.yes)
    const json = await during(ctx.progress('Restoring'), () => db.snapshots.restore(to, { timeoutMs: 0 }))
    const { restored, before } = json
    return { json, text: `Restored "${restored.label}" of ${restored.createdAt}.\nUndo: --snapshot ${before.id}` }
  },
})

export const snapshotCommands: Command[] = [list, create, remove, restore]
