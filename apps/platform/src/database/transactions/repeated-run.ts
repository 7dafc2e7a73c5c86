import { PerSQLError } from '@persql/contract'
import type { Grant } from '../calls/call.ts'
import type { Engine } from '../engine/engine.ts'
import type { Control } from './control.ts'
import { type OpenTransaction, sqlRefusal } from './open-transaction.ts'
import { EMPTY, type Given, type Next } from './program.ts'

/** How a run of a transaction ended, and what follows. */
export interface Run<T> {
  readonly keeps: boolean
  readonly next:
    | { readonly kind: 'program'; readonly next: Next<T> }
    /** The transaction ended. */
    | { readonly kind: 'ended' }
    /** The writes have to run again, because some of them were undone. */
    | { readonly kind: 'again'; readonly given: Given }
}

/** The error of a write that is repeated. The transaction stays open. */
export class RepeatFailed extends Error {
  readonly failure: PerSQLError

  constructor(failure: PerSQLError) {
    super()
    this.failure = failure
  }
}

/** Repeats the writes of a transaction. @throws PerSQLError if one is refused now */
export function repeatWrites({ inputs }: OpenTransaction, engine: Engine, grant: Grant): void {
  for (const input of inputs) engine.run(engine.prepare(input, grant), input, true)
}

/**
 * Repeats the last write if it failed, because SQLite's counters show it: call it before a statement that reads them. It has no
 * effect, also if it doesn't fail now.
 */
export function failAgain({ failed }: OpenTransaction, engine: Engine, grant: Grant): void {
  if (!failed) return
  try {
    engine.attempts.runInside(() => {
      engine.run(engine.prepare(failed, grant), failed, true)
      throw new Undone()
    })
  } catch (cause) {
    if (!(cause instanceof Undone) && PerSQLError.from(cause).code === 'internal') throw cause
  }
}

class Undone extends Error {}

/** The result of a statement in a run. `again` says that its effects have to be undone. */
export type Performed = Given | { readonly again: Given } | 'committed' | 'rolled back'

/**
 * Performs a statement that controls the open transaction, in its run.
 * @param committing is called before a COMMIT can fail
 */
export function performControl(
  transaction: OpenTransaction,
  control: Control,
  engine: Engine,
  committing: () => void,
): Performed {
  switch (control.kind) {
    case 'begin':
      throw sqlRefusal('cannot start a transaction within a transaction')
    case 'commit':
      committing()
      engine.checkKeys()
      return 'committed'
    case 'rollback':
      return 'rolled back'
    case 'savepoint':
      transaction.savepoint(control.name)
      return EMPTY
    case 'release':
      if (!transaction.release(control.name)) return EMPTY
      committing()
      engine.checkKeys()
      return 'committed'
    case 'rollback_to':
      transaction.rollBackTo(control.name)
      return { again: EMPTY }
  }
}
