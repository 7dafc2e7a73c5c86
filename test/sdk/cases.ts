import type * as Sdk from '../../packages/sdk/src/index.ts'

/** The SDK under test and its databases. */
export interface Setting {
  sdk: Pick<typeof Sdk, 'PerSQL' | 'PerSQLError'>
  /** Opens an unused database. */
  open(slug: string): Sdk.Database
  /** Calls an operation of a database, such as `query`, as JSON. */
  request: Sdk.PerSQL['request']
}
/** Calls an operation of the database of a case. */
export type RequestCall = (operation: string, body: object) => Promise<unknown>
/** A case, which throws if it fails. */
export type Case = (db: Sdk.Database, sdk: Setting['sdk'], request: RequestCall) => Promise<void>

/** Returns the rejection of a promise. */
export async function failure(promise: Promise<unknown>): Promise<unknown> {
  let given: unknown
  try {
    given = await promise
  } catch (cause) {
    return cause
  }
  throw new Error(`It should have failed, but gave ${text(given)}.`)
}

/** Compares two values. Test libraries don't run in all of these runtimes. */
export function same(actual: unknown, expected: unknown): void {
  if (actual instanceof Error && actual === expected) return
  if (text(actual) !== text(expected)) throw new Error(`${text(actual)}\nis not\n${text(expected)}`)
}

const text = (value: unknown) =>
  JSON.stringify(value, (_key, part) => {
    if (part instanceof Uint8Array)
      return `bytes ${part.length} ${part.reduce((sum, byte, i) => (sum * 31 + byte + i) % 1e9, 7)}`
    if (part === undefined) return 'undefined'
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part
    return Object.fromEntries(
      Object.entries(part)
        .filter(([, one]) => one !== undefined)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    )
  })
