import type { Param, Statement } from '@persql/sdk'

/** The filter for checkpoints. Omitted fields match all. */
export interface Wanted {
  threadId?: string
  namespace?: string
  checkpointId?: string
  /** Only checkpoints whose ID sorts before this one. */
  before?: string
  /** A JSON object whose entries must all be in the metadata. */
  filter?: string
  /** Only checkpoints after this one. */
  after?: readonly [checkpointId: string, threadId: string, namespace: string]
  limit: number
}

const KEY = 'thread_id, checkpoint_ns, checkpoint_id'
// Names and values are compared as rows, so that a key of a filter never becomes part of SQL or of a JSON path.
const MATCHES = `metadata_type = 'json' AND NOT EXISTS (
  SELECT 1 FROM json_each(?) f WHERE NOT EXISTS (
    SELECT 1 FROM json_each(CASE metadata_type WHEN 'json' THEN metadata ELSE '{}' END) m
    WHERE m.key = f.key AND m.type = f.type AND m.value IS f.value))`

/** Finds checkpoints, newest first, with the values of their channels and their writes in replay order. */
export function find(wanted: Wanted): [checkpoints: Statement, values: Statement, writes: Statement] {
  const { threadId, namespace, checkpointId, before, filter, after, limit } = wanted
  const conditions: [sql: string, ...params: Param[]][] = []
  if (threadId !== undefined) conditions.push(['thread_id = ?', threadId])
  if (namespace !== undefined) conditions.push(['checkpoint_ns = ?', namespace])
  if (checkpointId) conditions.push(['checkpoint_id = ?', checkpointId])
  if (before) conditions.push(['checkpoint_id < ?', before])
  if (after) conditions.push(['(checkpoint_id, thread_id, checkpoint_ns) < (?, ?, ?)', ...after])
  if (filter !== undefined) conditions.push([MATCHES, filter])
  const where = conditions.length > 0 ? `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}` : ''
  const page = `FROM langgraph_checkpoints ${where}
    ORDER BY checkpoint_id DESC, thread_id DESC, checkpoint_ns DESC LIMIT ?`
  const params = [...conditions.flatMap(([, ...values]) => values), limit]
  return [
    { sql: `SELECT ${KEY}, parent_checkpoint_id, type, checkpoint, metadata_type, metadata ${page}`, params },
    {
      sql: `SELECT c.thread_id, c.checkpoint_ns, c.checkpoint_id, v.channel, v.type, v.value
        FROM (SELECT ${KEY}, channel_versions ${page}) c, json_each(c.channel_versions) j
        JOIN langgraph_values v ON v.thread_id = c.thread_id AND v.checkpoint_ns = c.checkpoint_ns
          AND v.channel = j.key AND v.version = j.value`,
      params,
    },
    {
      sql: `SELECT ${KEY}, task_id, channel, type, value FROM langgraph_writes
        WHERE (${KEY}) IN (SELECT ${KEY} ${page}) ORDER BY task_path, task_id, idx`,
      params,
    },
  ]
}
