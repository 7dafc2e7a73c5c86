import { batch, chain, close, execute, LibsqlClient, type LibsqlResult } from './libsql-client.ts'
import { type LibsqlSocket, openLibsqlSocket } from './libsql-socket.ts'
import { Tx } from './transactions.ts'

/** A database, and who calls it. */
export interface DoorOptions {
  readonly url: string
  readonly ns: string
  readonly database: string
  readonly token: string
  readonly request: (path: string, options: object) => Promise<{ status: number; body: LibsqlResult }>
}

/** An open transaction. Each call returns `ok` or the code of PerSQL's error. */
export interface DoorTransaction {
  run(sql: string): Promise<string>
  commit(): Promise<string>
  rollback(): Promise<string>
  /** Ends its connection, if it has one. */
  leave(): Promise<unknown>
}

type Begin = (options: DoorOptions, mode: 'deferred' | 'write') => Promise<DoorTransaction>

const getCode = (error: LibsqlResult): string => error.extended_code ?? error.code

const native: Begin = async ({ ns, database, request }, mode) => {
  const path = `/v1/db/${ns}/${database}`
  const call = (suffix: string, options: object) => request(path + suffix, options)
  const { body } = await call('/transactions', { body: { mode } })
  const tx = new Tx({ request: call } as ConstructorParameters<typeof Tx>[0], body.data.id)
  const outcome = ({ status, body }: { status: number; body: LibsqlResult }) => (status === 200 ? 'ok' : body.code)
  return {
    async run(sql) {
      const answer = await tx.send(sql)
      // A step whose statement failed counts; a call that was refused as a whole doesn't.
      if (answer.status === 200 || answer.body.statement !== undefined) tx.step++
      return outcome(answer)
    },
    commit: async () => outcome(await tx.commit()),
    rollback: async () => outcome(await tx.rollback()),
    leave: () => Promise.resolve(),
  }
}

const BEGIN = { deferred: 'BEGIN', write: 'BEGIN IMMEDIATE' } as const

const http: Begin = async ({ url, ns, database, token }, mode) => {
  const client = new LibsqlClient(`${url}/libsql/${ns}/${database}/`, token)
  let { baton } = await client.pipeline([batch(chain(BEGIN[mode]))])
  const run = async (...requests: object[]) => {
    try {
      const answer = await client.pipeline(requests, baton)
      baton = answer.baton
      return answer.results[0].type === 'error' ? getCode(answer.results[0].error) : 'ok'
    } catch (cause) {
      return getCode(cause)
    }
  }
  return {
    run: (sql) => run(execute(sql)),
    commit: () => run(execute('COMMIT')),
    rollback: () => run(execute('ROLLBACK'), close),
    leave: () => Promise.resolve(),
  }
}

const socket: Begin = async ({ url, ns, database, token }, mode) => {
  const opened: LibsqlSocket = await openLibsqlSocket(`${url}/libsql/${ns}/${database}/`)
  await opened.hello(token)
  const stream = opened.open(1)
  const run = async (sql: string) => {
    const answer = await stream(execute(sql))
    return answer?.code === undefined ? 'ok' : getCode(answer)
  }
  await run(BEGIN[mode])
  return {
    run,
    commit: () => run('COMMIT'),
    rollback: async () => {
      await stream.close()
      return 'ok'
    },
    leave: () => opened.close(),
  }
}

/** The ways to open a transaction over several requests. */
export const doors = { native, 'libSQL over HTTP': http, 'libSQL over WebSocket': socket } as const
export type DoorName = keyof typeof doors
