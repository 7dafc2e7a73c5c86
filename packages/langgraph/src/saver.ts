import type { RunnableConfig } from '@langchain/core/runnables'
import {
  BaseCheckpointSaver,
  type ChannelVersions,
  type Checkpoint,
  type CheckpointListOptions,
  type CheckpointMetadata,
  type CheckpointPendingWrite,
  type CheckpointTuple,
  copyCheckpoint,
  getCheckpointId,
  maxChannelVersion,
  type PendingWrite,
  type SerializerProtocol,
  TASKS,
  WRITES_IDX_MAP,
} from '@langchain/langgraph-checkpoint'
import type { PerSQLDatabase, Statement } from '@persql/sdk'
import { Store, type StoredCheckpoint } from './store.ts'
import { type CheckpointRow, PENDING_SENDS, PUT_CHECKPOINT, PUT_VALUE, putWrite } from './tables.ts'

/**
 * A LangGraph checkpointer that stores checkpoints in the tables `langgraph_checkpoints`, `langgraph_values` and
 * `langgraph_writes` of a database. The first write creates the tables.
 */
export class PerSQLSaver extends BaseCheckpointSaver {
  readonly #store: Store

  constructor(database: PerSQLDatabase, serde?: SerializerProtocol) {
    super(serde)
    this.#store = new Store(database)
  }

  /**
   * Returns a version that is unique even if two runs continue from the same checkpoint, because each version of a value is
   * stored once. The integer part is a counter, the fraction is random.
   */
  override getNextVersion(current: number | undefined): number {
    return Math.floor(current ?? 0) + 1 + Math.random()
  }

  async getTuple(config: RunnableConfig): Promise<CheckpointTuple | undefined> {
    const { thread_id: threadId, checkpoint_ns: namespace = '' } = config.configurable ?? {}
    if (threadId === undefined) return undefined
    const checkpointId = getCheckpointId(config)
    for await (const found of this.#store.find({ threadId, namespace, checkpointId, limit: 1 })) {
      const tuple = await this.#toTuple(found)
      return checkpointId ? { ...tuple, config } : tuple
    }
    return undefined
  }

  async *list(config: RunnableConfig, options: CheckpointListOptions = {}): AsyncGenerator<CheckpointTuple> {
    const { before, filter, limit = Number.POSITIVE_INFINITY } = options
    const wanted = {
      threadId: config.configurable?.thread_id,
      namespace: config.configurable?.checkpoint_ns,
      checkpointId: getCheckpointId(config),
      before: before && getCheckpointId(before),
      filter: filter && (await this.#json(filter)),
      limit,
    }
    for await (const found of this.#store.find(wanted)) yield this.#toTuple(found)
  }

  async put(
    config: RunnableConfig,
    checkpoint: Checkpoint,
    metadata: CheckpointMetadata,
    newVersions: ChannelVersions,
  ): Promise<RunnableConfig> {
    const [threadId, namespace] = getAddress(config)
    const { channel_values: values, ...rest } = copyCheckpoint(checkpoint)
    const changed = Object.entries(newVersions).filter(([channel]) => values[channel] !== undefined)
    const statements = await Promise.all(
      changed.map(async ([channel, version]): Promise<Statement> => {
        const [type, value] = await this.#dump(values[channel])
        return { sql: PUT_VALUE, params: [threadId, namespace, channel, `${version}`, type, value] }
      }),
    )
    const versions = Object.entries(rest.channel_versions).map(([channel, version]) => [channel, `${version}`])
    const params = [
      threadId,
      namespace,
      checkpoint.id,
      config.configurable?.checkpoint_id ?? null,
      ...(await this.#dump(rest)),
      ...(await this.#dump(metadata)),
      JSON.stringify(Object.fromEntries(versions)),
    ]
    await this.#store.write([...statements, { sql: PUT_CHECKPOINT, params }])
    return { configurable: { thread_id: threadId, checkpoint_ns: namespace, checkpoint_id: checkpoint.id } }
  }

  async putWrites(config: RunnableConfig, writes: PendingWrite[], taskId: string, taskPath = ''): Promise<void> {
    const [threadId, namespace] = getAddress(config)
    const checkpointId = getCheckpointId(config)
    if (!checkpointId) throw new Error('Missing "checkpoint_id" in "configurable".')
    const statements = await Promise.all(
      writes.map(async ([channel, given], i): Promise<Statement> => {
        const idx = WRITES_IDX_MAP[channel] ?? i
        const [type, value] = await this.#dump(given)
        const params = [threadId, namespace, checkpointId, taskId, idx, taskPath, channel, type, value]
        return { sql: putWrite(idx < 0), params }
      }),
    )
    await this.#store.write(statements)
  }

  deleteThread(threadId: string): Promise<void> {
    return this.#store.deleteThread(threadId)
  }

  async #toTuple({ checkpoint: row, values, writes }: StoredCheckpoint): Promise<CheckpointTuple> {
    const { thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id: parent } = row
    const load = this.serde.loadsTyped.bind(this.serde)
    const stored = values.map(async ({ channel, type, value }) => [channel, await load(type, value)])
    const checkpoint: Checkpoint = {
      ...(await load(row.type, row.checkpoint)),
      channel_values: Object.fromEntries(await Promise.all(stored)),
    }
    if (checkpoint.v < 4 && parent !== null) await this.#addPendingSends(checkpoint, row, parent)
    const pendingWrites = writes.map(
      async (one): Promise<CheckpointPendingWrite> => [one.task_id, one.channel, await load(one.type, one.value)],
    )
    return {
      config: { configurable: { thread_id, checkpoint_ns, checkpoint_id } },
      checkpoint,
      metadata: await load(row.metadata_type, row.metadata),
      pendingWrites: await Promise.all(pendingWrites),
      ...(parent !== null && {
        parentConfig: { configurable: { thread_id, checkpoint_ns, checkpoint_id: parent } },
      }),
    }
  }

  async #addPendingSends(checkpoint: Checkpoint, row: CheckpointRow, parent: string): Promise<void> {
    const params = [row.thread_id, row.checkpoint_ns, parent, TASKS]
    const sent = await this.#store.rows<{ type: string; value: string | Uint8Array }>(PENDING_SENDS, params)
    const versions = Object.values(checkpoint.channel_versions)
    checkpoint.channel_values[TASKS] = await Promise.all(
      sent.map(({ type, value }) => this.serde.loadsTyped(type, value)),
    )
    checkpoint.channel_versions[TASKS] =
      versions.length > 0 ? maxChannelVersion(...versions) : this.getNextVersion(undefined)
  }

  async #dump(value: unknown): Promise<[type: string, value: string | Uint8Array]> {
    const [type, bytes] = await this.serde.dumpsTyped(value)
    return [type, type === 'json' ? new TextDecoder().decode(bytes) : bytes]
  }

  async #json(filter: Record<string, unknown>): Promise<string> {
    const entries = Object.entries(filter).filter(([, value]) => value !== undefined)
    const [type, json] = await this.#dump(Object.fromEntries(entries))
    if (type !== 'json') throw new Error("This serializer doesn't write JSON, so its metadata can't be filtered.")
    return json as string
  }
}

function getAddress({ configurable }: RunnableConfig): [threadId: string, namespace: string] {
  if (!configurable?.thread_id) throw new Error('Missing "thread_id" in "configurable".')
  return [configurable.thread_id, configurable.checkpoint_ns ?? '']
}
