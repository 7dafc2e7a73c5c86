import { PerSQLError } from '@persql/contract'
import type { DatabaseCall } from '../calls/call.ts'
import type { Outcome } from '../calls/outcome.ts'
import type { Engine } from '../engine/engine.ts'
import { formatCursor, formatPipeline } from './format.ts'
import { parseBatch, parseCursorBody, parsePipelineBody, parseRequests } from './parse.ts'
import { type Program, runBatch, runRequests, type Stream } from './program.ts'
import { ProgramRunner } from './program-runner.ts'

export interface LibsqlServices {
  readonly engine: Engine
  readonly storage: DurableObjectStorage
}
export function operations(services: LibsqlServices) {
  return {
    libsql_pipeline(call: DatabaseCall): Outcome {
      const { baton, requests: list } = parsePipelineBody(call.body)
      refuseBaton(baton)
      const { requests } = parseRequests(list, new Map())
      return run(
        call,
        services,
        (stream) => runRequests(requests, stream),
        (results) => formatPipeline(null, results),
      )
    },
    libsql_cursor(call: DatabaseCall): Outcome {
      const { baton, batch } = parseCursorBody(call.body)
      refuseBaton(baton)
      const steps = parseBatch(batch, new Map())
      return run(
        call,
        services,
        (stream) => runBatch(steps, stream),
        (outcomes) => formatCursor(null, outcomes, (i) => steps[i]?.statement.wantsRows ?? true),
      )
    },
  }
}
function refuseBaton(baton: string | null): void {
  if (baton !== null) throw new PerSQLError('stream_expired', { instead: 'Begin again.' })
}
function run<T>(
  { grant }: DatabaseCall,
  { engine, storage }: LibsqlServices,
  program: (stream: Stream) => Program<T>,
  format: (done: T) => string,
): Outcome {
  const runner = new ProgramRunner(engine, storage, grant)
  const stream: Stream = {
    get isAutocommit() {
      return runner.isAutocommit
    },
    describe: () => ({ params: [], cols: [], is_explain: false, is_readonly: true }),
  }
  const body = format(runner.run(program(stream)))
  const { results, texts } = runner
  return {
    body,
    data: undefined,
    status: 200,
    sql: texts.join(';\n'),
    statementCount: results.length,
    rowsRead: results.reduce((sum, { rowsRead }) => sum + rowsRead, 0),
    rowsWritten: results.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0),
  }
}
