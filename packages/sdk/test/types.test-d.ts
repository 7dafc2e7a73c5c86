import type * as z from 'zod'
import type { Api, Change, ErrorCode, Input, Output, PageMeta } from '../../contract/src/index.ts'
import type * as Sdk from '../src/index.ts'
import { PerSQL } from '../src/index.ts'

/** Checks both directions, so neither type has fewer fields. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const holds = <T extends true>(): T | undefined => undefined

/** The database of the SDK. */
type Db = Sdk.Database
/** The result of a method of the database. */
// biome-ignore lint/suspicious/noExplicitAny: all arguments are allowed
type Answered<M extends (...args: any[]) => unknown> = Awaited<ReturnType<M>>
/** The input of an operation, without the fields of the path. */
type Fields<O extends keyof Api> = Omit<Input<Api[O]>, 'ns' | 'db' | 'id' | 'ref'>
/** The result of a list, with its `meta`. */
type Listed<O extends keyof Api> = Output<Api[O]> & { readonly meta: PageMeta }

// The response types of the SDK match those of the contract.
holds<Same<Sdk.Table[], Output<Api['list_tables']>>>()
holds<Same<Sdk.Validation, Output<Api['validate']>>>()
holds<Same<Sdk.Explanation, Output<Api['explain']>>>()
holds<Same<Sdk.Schema, Output<Api['get_schema']>>>()
holds<Same<Sdk.QueryMeta, z.output<Api['query']['meta']>>>()
holds<Same<Sdk.DatabaseInfo, Output<Api['get_database']>>>()
holds<Same<Answered<Db['fork']>, Output<Api['fork_database']>>>()
holds<Same<Sdk.Claim, Output<Api['claim_branch']>>>()
holds<Same<Sdk.BranchHandoff & { token: string }, Output<Api['redeem_handoff']>>>()
holds<Same<Answered<Db['branches']['merge']>, Output<Api['merge_branch']>>>()
holds<Same<Answered<Db['branches']['diff']>, Output<Api['diff_branch']>>>()
holds<Same<Sdk.MergeOptions, Fields<'merge_branch'>>>()
holds<Same<Sdk.Snapshot, Output<Api['create_snapshot']>>>()
holds<Same<Answered<Db['snapshots']['list']>, Listed<'list_snapshots'>>>()
holds<Same<Answered<Db['branches']['list']>, Listed<'list_branches'>>>()
holds<Answered<Db['migrations']['list']>['meta'] extends z.output<Api['list_migrations']['meta']> ? true : false>()
holds<Same<Omit<Sdk.PageOptions, keyof Sdk.CallOptions>, Fields<'list_tokens'>>>()
holds<Same<Omit<Sdk.DatabaseFilter, keyof Sdk.CallOptions>, Fields<'list_databases'>>>()
holds<Same<Sdk.NewDatabase, Input<Api['create_database']>>>()
holds<Same<Sdk.DatabaseChanges, Omit<Fields<'update_database'>, 'slug'>>>()
holds<Same<Answered<Db['snapshots']['restore']>, Output<Api['restore']>>>()
holds<Same<Sdk.Settings, Output<Api['get_settings']>>>()
holds<Same<Partial<Sdk.Settings>, Fields<'update_settings'>>>()
holds<Same<Sdk.Session, Output<Api['create_session']>>>()
holds<Same<Sdk.Proposal['action'], Output<Api['propose']>['action']>>()
holds<Output<Api['propose']> extends Sdk.Proposal ? true : false>()
holds<Same<Sdk.Token[], Output<Api['list_tokens']>>>()
holds<Output<Api['get_endpoint']> extends Sdk.Endpoint ? true : false>()
holds<Output<Api['apply_migration']> extends Sdk.Migration ? true : false>()
holds<'unavailable' extends ErrorCode ? true : false>()

// Describing.
holds<Same<Sdk.SchemaDescription, Exclude<Output<Api['describe']>, { text: string }>>>()
holds<Same<Sdk.Docs, Output<Api['set_description']>>>()
holds<Same<Answered<Db['search']>, Output<Api['search']>>>()
holds<Same<Sdk.DoctorReport, Output<Api['doctor']>>>()

// Approvals.
holds<Same<Sdk.ApprovalRule, Output<Api['create_approval_rule']>>>()
holds<Same<Parameters<Db['approvalRules']['create']>[0], Fields<'create_approval_rule'>>>()
holds<Same<Sdk.Approval, Output<Api['get_approval']>>>()
holds<Same<Sdk.ListedApproval[], Output<Api['list_approvals']>>>()

// Files.
holds<Same<Sdk.ImportResult, Output<Api['import_database']>>>()
holds<Same<{ import: Sdk.ImportProgress | null }, Output<Api['get_import']>>>()
holds<Same<Sdk.FileFormat, NonNullable<Fields<'export_database'>['format']>>>()
holds<Same<Sdk.FileFormat, NonNullable<Fields<'import_database'>['format']>>>()

// Changes, webhooks and schedules.
holds<Same<Omit<Sdk.Change, 'type' | 'cursor'>, Change>>()
holds<Same<Answered<Db['waitForChanges']>, Output<Api['wait_for_changes']>>>()
holds<Same<Sdk.Webhook, Output<Api['create_webhook']>>>()
holds<Same<Sdk.WebhookSpec, Fields<'create_webhook'>>>()
holds<Same<Partial<Sdk.WebhookSpec>, Fields<'update_webhook'>>>()
holds<Same<Answered<Db['webhooks']['test']>, Output<Api['test_webhook']>>>()
holds<Same<Answered<Db['webhooks']['deliveries']>, Output<Api['list_deliveries']>>>()
holds<Same<Answered<Db['webhooks']['replay']>, Output<Api['replay_delivery']>>>()
holds<Same<Answered<Db['schedules']['list']>, Listed<'list_schedules'>>>()
holds<Same<Omit<Parameters<Db['schedules']['create']>[0], 'params'>, Omit<Fields<'create_schedule'>, 'params'>>>()

const persql = new PerSQL({ token: 't' })
const db = persql.database('acme/main')
persql.database('acme', 'main')

async function right(): Promise<void> {
  const { data } = await db.query<{ id: number }>('SELECT id FROM t WHERE a = ? AND b = ?', [1n, new Uint8Array()])
  const id: number | undefined = data[0]?.id
  const rows: Sdk.Row[] = (await db.query('SELECT 1')).data
  await db.transaction([{ sql: 'SELECT 1', expect: { rows: { min: 1 } } }], { idempotencyKey: 'k' })
  const read: number = await db.transaction(
    async (tx) => {
      const { data } = await tx.query<{ n: number }>('SELECT 1 AS n')
      await tx.transaction((inner: Sdk.Transaction) => inner.batch([{ sql: 'SELECT 1' }]))
      return data.length
    },
    { mode: 'read', retries: 0, signal: AbortSignal.timeout(1) },
  )
  const open: Sdk.OpenTransaction = await db.begin()
  await open.commit()
  await db.query('SELECT 1', [], {
    planKey: 'p',
    planStep: 's',
    signal: AbortSignal.timeout(1),
    timeoutMs: 1,
    maxRetries: 0,
  })
  db.subscribe({ onChange: ({ table, kind }) => `${table}${kind}`, cursor: (await db.waitForChanges()).cursor })()
  await db.schedules.create({ name: 'n', sql: 'SELECT ?', params: [1n, new Uint8Array()], intervalSec: 60 })
  await db.branches.merge('work', { mode: 'data', onConflict: 'parent', idempotencyKey: 'k' })
  await db.import(new Blob(['']), { format: 'csv', table: 't', onProgress: ({ state }) => state === 'done' })
  void [id, rows, read]
}

async function wrong(): Promise<void> {
  // @ts-expect-error a statement is needed
  await db.query()
  // @ts-expect-error a transaction has no such mode
  await db.transaction(async () => {}, { mode: 'exclusive' })
  // @ts-expect-error a statement of a transaction has no key of its own
  await db.transaction((tx) => tx.query('SELECT 1', [], { idempotencyKey: 'k' }))
  // @ts-expect-error an object is not a parameter
  await db.query('SELECT ?', [{ a: 1 }])
  // @ts-expect-error nor is a date
  await db.query('SELECT ?', [new Date()])
  // @ts-expect-error nor undefined
  await db.query('SELECT ?', [undefined])
  // @ts-expect-error a row has the declared columns
  ;(await db.query<{ id: number }>('SELECT id FROM t')).data[0]?.name
  // @ts-expect-error statements are objects
  await db.batch(['SELECT 1'])
  // @ts-expect-error an option that does not exist
  await db.batch([{ sql: 'SELECT 1' }], { transactional: true })
  // @ts-expect-error a read has no key
  await db.tables({ idempotencyKey: 'k' })
  // @ts-expect-error no such role
  await db.branches.claim({ role: 'owner' })
  // @ts-expect-error exactly one of three
  await db.snapshots.restore({})
  // @ts-expect-error no such action
  await db.approvalRules.create({ tableGlob: '*', action: 'allow' })
  // @ts-expect-error no such mode
  await db.branches.merge('work', { mode: 'rows' })
  // @ts-expect-error no such event
  await db.webhooks.create({ name: 'n', url: 'https://x', events: ['upsert'] })
  // @ts-expect-error a schedule has an interval
  await db.schedules.create({ name: 'n', sql: 'SELECT 1' })
  // @ts-expect-error no such format
  await db.export({ format: 'xlsx' })
  // @ts-expect-error no such setting
  await db.settings.update({ snapshots: false })
  // @ts-expect-error changes must be listened to
  db.subscribe({})
  // @ts-expect-error a database has an address
  persql.database()
  // @ts-expect-error no such option
  new PerSQL({ url: 'https://x' })
}
void [right, wrong]
