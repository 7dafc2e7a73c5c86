import { deltaChannelHistoryTests, validate } from '@langchain/langgraph-checkpoint-validation'
import { PerSQLSaver } from '../../../packages/langgraph/src/index.ts'
import { PerSQL } from '../../../packages/sdk/src/index.ts'

// Vitest on Bun runs this file: Bun has SQLite built in.
const persql = new PerSQL({ local: ':memory:' })
let count = 0
const initializer = {
  checkpointerName: '@persql/langgraph in local mode',
  createCheckpointer: () => new PerSQLSaver(persql.database(`acme/saver-${count++}`)),
}
validate(initializer)
deltaChannelHistoryTests(initializer)
