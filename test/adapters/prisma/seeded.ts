import { createRequire } from 'node:module'
import { PrismaPerSQL } from '../../../packages/prisma/src/index.ts'
import type { Database } from '../../../packages/sdk/src/index.ts'
import { CLIENT } from './client.ts'
import { CREATE } from './tables.ts'

/** Prisma Client, whose types exist only after tests have generated it. */
// biome-ignore lint/suspicious/noExplicitAny: as above
export type Client = any

/** The fields of Prisma's errors. */
export interface PrismaError extends Error {
  code?: string
  meta?: Record<string, unknown> & { driverAdapterError?: { cause?: unknown } }
}

/** Returns the generated module. */
export const load = (): Client => createRequire(import.meta.url)(process.env[CLIENT] as string)

/** Returns a case with the tables of the schema, and Ada with two posts. */
export const seeded = (run: (prisma: Client, db: Database) => Promise<void>) => async (db: Database) => {
  await db.transaction(CREATE.map((sql) => ({ sql })))
  const { PrismaClient } = load()
  const prisma = new PrismaClient({ adapter: new PrismaPerSQL({ database: db }) })
  try {
    await prisma.user.create({
      data: { email: 'ada@x', name: 'Ada', posts: { create: [{ title: 'One' }, { title: 'Two' }] } },
    })
    await run(prisma, db)
  } finally {
    await prisma.$disconnect()
  }
}

/** Returns the error of a query. */
export const failure = (query: PromiseLike<unknown>): Promise<PrismaError> =>
  Promise.resolve(query).then(
    (given) => {
      throw new Error(`It should have failed, but gave ${JSON.stringify(given)}.`)
    },
    (error) => error,
  )
