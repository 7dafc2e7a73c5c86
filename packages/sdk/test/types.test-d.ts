import type { Api, ErrorCode, Output } from '../../contract/src/index.ts'
import type * as Sdk from '../src/index.ts'
import { PerSQL } from '../src/index.ts'

/** Both ways: neither says less than the other. */
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false
const holds = <T extends true>(): T | undefined => undefined

// What the SDK says of answers is what the contract says.
holds<Same<Sdk.Table[], Output<Api['list_tables']>>>()
holds<Same<Sdk.Validation, Output<Api['validate']>>>()
holds<Same<Sdk.Explanation, Output<Api['explain']>>>()
holds<Same<Sdk.Schema, Output<Api['get_schema']>>>()
holds<Same<Sdk.DatabaseInfo, Output<Api['get_database']>>>()
holds<Same<Sdk.Claim, Output<Api['claim_branch']>>>()
holds<Same<Sdk.HandedOff & { token: string }, Output<Api['redeem_handoff']>>>()
holds<Same<Sdk.Snapshot, Output<Api['create_snapshot']>>>()
holds<Same<Sdk.Session, Output<Api['create_session']>>>()
holds<Same<Sdk.Proposal['action'], Output<Api['propose']>['action']>>()
holds<Output<Api['propose']> extends Sdk.Proposal ? true : false>()
holds<Output<Api['list_tokens']> extends Sdk.Token[] ? true : false>()
holds<Output<Api['get_endpoint']> extends Sdk.Endpoint ? true : false>()
holds<Output<Api['apply_migration']> extends Sdk.Migration ? true : false>()
holds<'unavailable' extends ErrorCode ? true : false>()

const persql = new PerSQL({ token: 't' })
const db = persql.database('acme/main')
persql.database('acme', 'main')

async function right(): Promise<void> {
  const { data } = await db.query<{ id: number }>('SELECT id FROM t WHERE a = ? AND b = ?', [1n, new Uint8Array()])
  const id: number | undefined = data[0]?.id
  const rows: Sdk.Row[] = (await db.query('SELECT 1')).data
  await db.transaction([{ sql: 'SELECT 1', expect: { rows: { min: 1 } } }], { idempotencyKey: 'k' })
  await db.query('SELECT 1', [], {
    planKey: 'p',
    planStep: 's',
    signal: AbortSignal.timeout(1),
    timeoutMs: 1,
    maxRetries: 0,
  })
  db.subscribe({ onChange: ({ table, kind }) => `${table}${kind}` })()
  void [id, rows]
}

async function wrong(): Promise<void> {
  // @ts-expect-error a statement is needed
  await db.query()
  // @ts-expect-error an object is no parameter
  await db.query('SELECT ?', [{ a: 1 }])
  // @ts-expect-error nor is a date
  await db.query('SELECT ?', [new Date()])
  // @ts-expect-error nor undefined
  await db.query('SELECT ?', [undefined])
  // @ts-expect-error a row has the columns that were said
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
  // @ts-expect-error changes must be listened to
  db.subscribe({})
  // @ts-expect-error a database has an address
  persql.database()
  // @ts-expect-error no such option
  new PerSQL({ url: 'https://x' })
}
void [right, wrong]
