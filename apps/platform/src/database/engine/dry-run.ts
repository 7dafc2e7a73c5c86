import type { Engine } from './engine.ts'
import { transactionSync } from './transaction-sync.ts'

/** Runs `run` in a transaction and rolls it back, whether `run` succeeds or throws. */
export function dryRun<T>(storage: DurableObjectStorage, engine: Engine, run: () => T): T {
  let done: { readonly result: T } | undefined
  try {
    transactionSync(storage, () => {
      engine.begin()
      done = { result: run() }
      throw new RolledBack()
    })
  } catch (cause) {
    if (!(cause instanceof RolledBack)) throw cause
  } finally {
    engine.forget()
  }
  return (done as unknown as { readonly result: T }).result
}

class RolledBack extends Error {}
