import type { Statement } from '@persql/sdk'

/** The tables of the saver. */
export const TABLES = ['langgraph_checkpoints', 'langgraph_values', 'langgraph_writes'] as const

/**
 * The statements that create missing tables. Each version of a channel's value is stored once, even if several checkpoints
 * use it. JSON is stored as text that SQL can read, everything else as bytes.
 */
export const CREATE_TABLES: readonly Statement[] = [
  {
    sql: `CREATE TABLE IF NOT EXISTS langgraph_checkpoints (
      thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL, parent_checkpoint_id TEXT,
      type TEXT NOT NULL, checkpoint BLOB NOT NULL, metadata_type TEXT NOT NULL, metadata BLOB NOT NULL,
      channel_versions TEXT NOT NULL,
      PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id)
    )`,
  },
  {
    sql: `CREATE TABLE IF NOT EXISTS langgraph_values (
      thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, channel TEXT NOT NULL, version TEXT NOT NULL,
      type TEXT NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY (thread_id, checkpoint_ns, channel, version)
    )`,
  },
  {
    sql: `CREATE TABLE IF NOT EXISTS langgraph_writes (
      thread_id TEXT NOT NULL, checkpoint_ns TEXT NOT NULL, checkpoint_id TEXT NOT NULL,
      task_id TEXT NOT NULL, idx INTEGER NOT NULL, task_path TEXT NOT NULL,
      channel TEXT NOT NULL, type TEXT NOT NULL, value BLOB NOT NULL,
      PRIMARY KEY (thread_id, checkpoint_ns, checkpoint_id, task_id, idx)
    )`,
  },
]

/** A stored checkpoint. */
export interface CheckpointRow {
  thread_id: string
  checkpoint_ns: string
  checkpoint_id: string
  parent_checkpoint_id: string | null
  type: string
  checkpoint: string | Uint8Array
  metadata_type: string
  metadata: string | Uint8Array
}

/** A stored channel value with a checkpoint that uses it. */
export interface ValueRow {
  thread_id: string
  checkpoint_ns: string
  checkpoint_id: string
  channel: string
  type: string
  value: string | Uint8Array
}

/** A stored pending write. */
export interface WriteRow {
  thread_id: string
  checkpoint_ns: string
  checkpoint_id: string
  task_id: string
  channel: string
  type: string
  value: string | Uint8Array
}

/** Stores a checkpoint, replacing one with the same ID. */
export const PUT_CHECKPOINT = `INSERT OR REPLACE INTO langgraph_checkpoints
  (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata_type, metadata,
   channel_versions)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Stores a version of a channel's value. Versions are unique, so an existing row is the same. */
export const PUT_VALUE = `INSERT OR IGNORE INTO langgraph_values
  (thread_id, checkpoint_ns, channel, version, type, value) VALUES (?, ?, ?, ?, ?, ?)`

/** Stores a write. Special writes (errors, interrupts) replace earlier ones; others are stored once. */
export const putWrite = (special: boolean): string => `INSERT OR ${special ? 'REPLACE' : 'IGNORE'} INTO langgraph_writes
  (thread_id, checkpoint_ns, checkpoint_id, task_id, idx, task_path, channel, type, value)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`

/** Selects the sends from a checkpoint to the next, which checkpoints before version 4 don't contain. */
export const PENDING_SENDS = `SELECT type, value FROM langgraph_writes
  WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? AND channel = ? ORDER BY task_path, task_id, idx`
