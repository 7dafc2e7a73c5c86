import { type Int64, PerSQL, type PerSQLDatabase } from '../src/index.ts'

const exact = new PerSQL({ int64: 'bigint' }).database('acme/main')
const plain = new PerSQL({ token: 'x' }).database('acme/main')
/** Checks that both types are equal. */
type Same<A, B> = (<X>() => X extends A ? 1 : 2) extends <X>() => X extends B ? 1 : 2 ? true : never
const same = <A, B>(_is: Same<A, B>) => {}
/** A value without bigint. */
type PlainValue = string | number | null | Uint8Array

// The types of results follow the form of INTEGER values.
export async function integerForms(): Promise<void> {
  const ofPlain = await plain.query('SELECT 1')
  same<typeof ofPlain.rows, PlainValue[][]>(true)
  same<typeof ofPlain.lastInsertRowid, number | undefined>(true)
  const ofExact = await exact.query('SELECT 1')
  same<(typeof ofExact.rows)[number][number], PlainValue | bigint>(true)
  same<(typeof ofExact.data)[number][string], PlainValue | bigint>(true)
  same<typeof ofExact.lastInsertRowid, bigint | undefined>(true)
  const other = await plain.with({ int64: 'bigint' }).query<{ id: bigint }>('SELECT 1 AS id', [], { maxRetries: 1 })
  same<typeof other.lastInsertRowid, bigint | undefined>(true)
  same<typeof other.data, { id: bigint }[]>(true)
  const back = await exact.with({ int64: 'number' }).query('SELECT 1')
  same<typeof back.rows, PlainValue[][]>(true)
  const [fromBatch] = await exact.batch([{ sql: 'SELECT 1' }], { transaction: true })
  same<NonNullable<typeof fromBatch>['lastInsertRowid'], bigint | undefined>(true)
  const [listed] = await exact.transaction([{ sql: 'SELECT 1' }])
  same<NonNullable<typeof listed>['lastInsertRowid'], bigint | undefined>(true)
  const [line] = await exact.script('SELECT 1')
  same<NonNullable<typeof line>['lastInsertRowid'], bigint | undefined>(true)
  const rowid = await exact.transaction(async (tx) => tx.transaction(async (inner) => inner.query('SELECT 1')))
  same<typeof rowid.lastInsertRowid, bigint | undefined>(true)
  const number = await plain.transaction(async (tx) => (await tx.query('SELECT 1')).lastInsertRowid, { mode: 'read' })
  same<typeof number, number | undefined>(true)
  const tx = await exact.begin()
  same<Awaited<ReturnType<typeof tx.query>>['lastInsertRowid'], bigint | undefined>(true)
  const anyForm = (db: Pick<PerSQLDatabase<Int64>, 'query'>) => db.query('SELECT 1')
  await anyForm(plain)
  await anyForm(exact)
  await anyForm(tx)
  const handle = (db: PerSQLDatabase<Int64>) => db.slug
  handle(plain)
  handle(exact)
  const numbers = (db: Pick<PerSQLDatabase, 'query'>) => db.query('SELECT 1')
  // @ts-expect-error its rows have bigints
  await numbers(exact)
  // @ts-expect-error no such form
  plain.with({ int64: 'string' })
}
