import { PerSQLError } from '@persql/contract'
import type { Hono } from 'hono'
import * as z from 'zod'
import { databaseObject, directoryObject, namespaceObject, ownObject } from '../../api/objects.ts'
import { now } from '../../clock.ts'
import { setDiskSpace } from '../../disk-space.ts'
import type { Env } from '../../env.ts'
import { LauncherReport, setLauncherReport } from '../../metrics/launcher-report.ts'
import { getSettings } from '../../settings.ts'
import { noteSqliteFailure } from '../../storage/sqlite-failures.ts'
import { operatorRoutes } from './operator-routes.ts'
import type { Answered } from './rest.ts'

const Stopped = z.strictObject({
  database: z.string().regex(/^[^/]+\/[^/]+$/),
  tokenId: z.string(),
  sql: z.string(),
  seconds: z.number(),
  isWrite: z.boolean(),
  reason: z.enum(['time', 'quota', 'disk']),
  use: z
    .strictObject({
      quota: z.enum(['database_bytes', 'namespace_bytes', 'max_bytes']),
      limit: z.number(),
      used: z.number(),
    })
    .optional(),
})
const Accepted = z.strictObject({
  database: z.string().regex(/^[a-z0-9-]+\/[a-z0-9-]+$/),
  note: z.string().trim().min(1).max(500),
})
const Failed = z.strictObject({ reference: z.string().max(100), message: z.string().max(200) })
const Disk = z.strictObject({ freeBytes: z.int().min(0), reserveBytes: z.int().min(0) })
const Vacuum = z.strictObject({
  database: z.string().regex(/^[^/]+\/[^/]+$/),
  id: z.string(),
  isUrgent: z.boolean(),
  minFreeBytes: z.int().min(0),
  minFreeShare: z.number().min(0).max(1),
})
const OBJECT_KINDS = ['database', 'namespace', 'directory'] as const
type ObjectKind = (typeof OBJECT_KINDS)[number]
const LongLog = z.union([
  z.strictObject({ database: z.string().regex(/^[^/]+\/[^/]+$/) }),
  z.strictObject({ kind: z.enum(OBJECT_KINDS), object: z.string().regex(/^[0-9a-f]{64}$/) }),
])
const Restored = z.strictObject({
  namespaces: z.array(z.strictObject({ slug: z.string().max(100), deleted: z.array(z.string().max(100)) })).max(100),
})
const Alarms = z.strictObject({ names: z.array(z.string().regex(/^[^/]+\/.+$/)).max(100) })

/** Returns the routes that the launcher calls on a single machine. They require the instance's secret. */
export function launcherRoutes(answered: Answered): Hono<{ Bindings: Env }> {
  const app = operatorRoutes(answered, (env) => getSettings(env).runtime === 'workerd')

  /**
   * Moves native alarms of these objects to their namespaces. Returns the names of objects that failed to delete their
   * native alarm; their namespaces wake them, with retries.
   */
  app.post('/alarms', async (c) => {
    const { success, data } = Alarms.safeParse(await c.req.json().catch(() => undefined))
    if (!success) {
      throw new PerSQLError('invalid_input', { problem: '"names" must be a list of up to 100 object names.' })
    }
    const failed = await Promise.all(data.names.map((name) => moveAlarm(c.env, name)))
    return c.json({ success: true, data: { failed: failed.filter((name) => name !== undefined) } })
  })

  /** Lists all namespaces and verified hostnames, for the configuration of a reverse proxy. */
  app.get('/routing', async (c) => {
    const directory = directoryObject(c.env)
    const [namespaces, hostnames] = await Promise.all([directory.list(), directory.hostnames.listActive()])
    return c.json({ success: true, data: { namespaces: namespaces.map(({ slug }) => slug), hostnames } })
  })

  /** Records in a database that the process was ended because of its statement. */
  app.post('/stopped', async (c) => {
    const { success, data } = Stopped.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must describe a stopped statement.' })
    const { database, ...stopped } = data
    await databaseByAddress(c.env, database).statementStopped(stopped)
    return c.json({ success: true, data: {} })
  })

  /** Takes the cause of an object's failure, which the runtime writes to its log only. */
  app.post('/failed', async (c) => {
    const { success, data } = Failed.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must describe a failure of SQLite.' })
    noteSqliteFailure(data.reference, data.message)
    return c.json({ success: true, data: {} })
  })

  /** Serves the file of a damaged database as it is. */
  app.post('/accepted', async (c) => {
    const { success, data } = Accepted.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must name a database and a note.' })
    const [namespace, slug] = data.database.split('/') as [string, string]
    if (!(await directoryObject(c.env).has(namespace))) throw new PerSQLError('namespace_not_found', { namespace })
    await namespaceObject(c.env, namespace).acceptFile(slug, data.note)
    return c.json({ success: true, data: {} })
  })

  /** Gives the free pages of a database's file, which the launcher found, back to the disk. */
  app.post('/vacuum', async (c) => {
    const { success, data } = Vacuum.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must describe a VACUUM.' })
    const { database, id, ...request } = data
    return c.json({ success: true, data: await databaseByAddress(c.env, database).runVacuum(id, request) })
  })

  /** Shortens the write-ahead log of an object, which the launcher found. Only a database has a name that it can find. */
  app.post('/log', async (c) => {
    const { success, data } = LongLog.safeParse(await c.req.json().catch(() => undefined))
    if (!success)
      throw new PerSQLError('invalid_input', { problem: 'The body must name a database or another object.' })
    const object =
      'database' in data ? databaseByAddress(c.env, data.database) : objectById(c.env, data.kind, data.object)
    return c.json({ success: true, data: await object.shortenLog() })
  })

  /** Reconciles namespaces after the data folder was restored from a backup. Returns those that aren't reconciled yet. */
  app.post('/restored', async (c) => {
    const { success, data } = Restored.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must list up to 100 namespaces.' })
    const failed = await Promise.all(data.namespaces.map(({ slug, deleted }) => finishRestore(c.env, slug, deleted)))
    return c.json({ success: true, data: { failed: failed.filter((slug) => slug !== undefined) } })
  })

  /** Takes the free space of the disk, which a Worker can't measure. */
  app.post('/disk', async (c) => {
    const { success, data } = Disk.safeParse(await c.req.json().catch(() => undefined))
    if (!success) {
      throw new PerSQLError('invalid_input', { problem: '"freeBytes" and "reserveBytes" must be whole numbers.' })
    }
    setDiskSpace(data)
    const response = c.json({ success: true, data: {} })
    answered(c.req.raw, { response, operation: 'none', code: undefined, isUnlogged: true })
    return response
  })

  /** Takes the state of the processes, for the metrics. */
  app.post('/processes', async (c) => {
    const { success, data } = LauncherReport.safeParse(await c.req.json().catch(() => undefined))
    if (!success) throw new PerSQLError('invalid_input', { problem: 'The body must describe the processes.' })
    setLauncherReport(data)
    const response = c.json({ success: true, data: {} })
    answered(c.req.raw, { response, operation: 'none', code: undefined, isUnlogged: true })
    return response
  })
  return app
}

/** @throws PerSQLError `invalid_input` if the class has no such ID */
function objectById(env: Env, kind: ObjectKind, id: string): ReturnType<typeof ownObject> {
  try {
    return ownObject(env, kind, id)
  } catch (cause) {
    throw new PerSQLError('invalid_input', { problem: `No ${kind} has the ID "${id}".` }, { cause })
  }
}

function databaseByAddress(env: Env, database: string): ReturnType<typeof databaseObject> {
  const [namespace, slug] = database.split('/') as [string, string]
  return databaseObject(env, namespace, slug)
}

async function moveAlarm(env: Env, name: string): Promise<string | undefined> {
  const namespace = name.slice(0, name.indexOf('/'))
  const own = name.slice(namespace.length + 1)
  // A crash in between leaves the native alarm, so the launcher repeats the call.
  await namespaceObject(env, namespace).wakeUps.set(own, now())
  try {
    await databaseObject(env, namespace, own).deleteNativeAlarm()
    return undefined
  } catch (cause) {
    console.error(JSON.stringify({ level: 'warn', event: 'alarm_not_deleted', object: name, cause: String(cause) }))
    return name
  }
}

async function finishRestore(env: Env, slug: string, deleted: readonly string[]): Promise<string | undefined> {
  try {
    return (await namespaceObject(env, slug).finishRestore(deleted)) ? undefined : slug
  } catch (cause) {
    console.error(JSON.stringify({ level: 'error', event: 'not_reconciled', namespace: slug, cause: String(cause) }))
    return slug
  }
}
