/** The file of a statement's database, and its limits. */
export interface StatementStorage {
  /** The name of the database's file in the folder of its cell, without an extension. */
  file: string
  /** Whether the disk had room to store more when the statement started. Otherwise, it only removes data. */
  hasRoom: boolean
  /** The limit of a write: the size that the file has when a quota is reached, and the use of that quota. */
  limit?: { maxFileBytes: number; use: { quota: string; limit: number; used: number } }
}

/** A statement that workerd has started and not finished. */
export interface RunningStatement {
  id: number
  database: string
  tokenId: string
  /** Whether it writes, or is in a transaction that can. */
  isWrite: boolean
  sql: string
  storage: StatementStorage
}

const maxRunning = 1_000

/** Follows the `statement_started` and `statement_finished` lines that the Worker writes to stderr. */
export class RunningStatements {
  #running = new Map<number, RunningStatement>()
  #events = 0

  /** Reads a line; returns false if it isn't a statement event. */
  read(line: string): boolean {
    const event = statementEvent(line)
    if (event === undefined) return false
    this.#events++
    if (event.started === undefined) this.#running.delete(event.id)
    else this.#running.set(event.id, event.started)
    if (this.#running.size > maxRunning) this.#running.delete(this.#running.keys().next().value as number)
    return true
  }

  /** The number of events so far. While it grows, the process isn't blocked. */
  get events(): number {
    return this.#events
  }

  /** The running statement: the one started last, because statements run one at a time. */
  get current(): RunningStatement | undefined {
    return [...this.#running.values()].at(-1)
  }

  clear(): void {
    this.#running.clear()
  }
}

function statementEvent(line: string): { id: number; started?: RunningStatement } | undefined {
  if (!line.startsWith('{"event":"statement_')) return undefined
  try {
    const { event, ...statement } = JSON.parse(line)
    if (event === 'statement_started') return { id: statement.id, started: statement }
    return event === 'statement_finished' ? { id: statement.id } : undefined
  } catch {
    return undefined
  }
}
