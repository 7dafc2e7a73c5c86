import type { Hash } from 'node:crypto'
import { PerSQLError } from '@persql/contract'
import type { Remote } from '../../objects.ts'
import { errorOf } from '../../storage/long-transaction.ts'
import { loadPage } from '../copy/load.ts'
import type { CopySource } from '../copy/source.ts'
import type { ForkState } from './fork-state.ts'
import { STAGED } from './shape.ts'

/** A branch, as its parent asks it. */
export interface Branch {
  readonly source: Pick<Remote<CopySource>, 'begin' | 'next' | 'end'>
  readonly forkState: (id: string) => Promise<ForkState>
}

/**
 * Asks a branch what it is, and stages its rows here if they are wanted, all of one moment: its writes wait meanwhile.
 * @throws PerSQLError `copy_cut_off` when the branch is reset, restored or deleted under way, `took_too_long`
 */
export async function gather(
  sql: SqlStorage,
  { source, forkState }: Branch,
  id: string,
  withRows: boolean,
  digest: Hash,
  checkTime: () => void,
): Promise<ForkState> {
  try {
    if (!withRows) return await forkState(id)
    const { copy } = await source.begin(id, false, STAGED)
    try {
      const state = await forkState(id)
      for (let page = await source.next(copy); page; page = await source.next(copy)) {
        loadPage(sql, page)
        for (const statement of page.statements) {
          digest.update(statement.sql)
          for (const param of statement.params) digest.update(typeof param === 'string' ? param : new Uint8Array(param))
        }
        // Calls between objects do not let the process look for requests; a timer does.
        await scheduler.wait(0)
        checkTime()
      }
      const { fork, rows } = await forkState(id)
      if (fork !== state.fork || rows !== state.rows) throw new PerSQLError('copy_cut_off')
      return state
    } finally {
      await source.end(copy).catch(() => {
        // It gives up by itself.
      })
    }
  } catch (cause) {
    const error = errorOf(cause)
    throw error.code === 'internal' ? new PerSQLError('copy_cut_off', {}, { cause }) : error
  }
}
