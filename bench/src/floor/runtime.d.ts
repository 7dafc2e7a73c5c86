/** The part of workerd's API that the floor uses. */
declare module 'cloudflare:workers' {
  interface Cursor {
    columnNames: string[]
    rowsRead: number
    rowsWritten: number
    raw(): Iterable<unknown[]>
  }

  class DurableObject {
    constructor(ctx: unknown, env: unknown)
    ctx: {
      storage: {
        sql: { exec(sql: string, ...params: unknown[]): Cursor }
        transactionSync<T>(callback: () => T): T
      }
    }
  }
}
