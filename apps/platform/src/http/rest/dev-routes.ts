import type { Hono } from 'hono'
import * as z from 'zod'
import { databaseObject, directoryObject, namespaceObject } from '../../api/objects.ts'
import { setAhead } from '../../clock.ts'
import type { Env } from '../../env.ts'
import { createMailer, sentMail } from '../../integrations/mail.ts'
import { getSettings } from '../../settings.ts'
import { resolveHostname } from '../public/hostnames.ts'
import { operatorRoutes } from './operator-routes.ts'
import type { Answered } from './rest.ts'

const Clock = z.strictObject({
  aheadMs: z.int().min(0),
  /** Also runs the due timers of this database. */
  database: z.strictObject({ namespace: z.string(), slug: z.string() }).optional(),
})
const Mail = z.strictObject({ to: z.email(), subject: z.string(), text: z.string() })
const AiTokens = z.strictObject({ namespace: z.string(), database: z.string(), tokens: z.int().min(0) })

/**
 * Returns the routes for tests and development. They exist only with `PERSQL_DEV=1` and require the instance's secret.
 */
export function dev(answered: Answered): Hono<{ Bindings: Env }> {
  const app = operatorRoutes(answered, (env) => getSettings(env).dev)

  /** Sets the clock ahead and runs all timers that are due by then. */
  app.post('/clock', async (c) => {
    const { aheadMs, database } = Clock.parse(await c.req.json())
    setAhead(aheadMs)
    for (const { slug } of await directoryObject(c.env).list()) await namespaceObject(c.env, slug).runTimers()
    if (database) await databaseObject(c.env, database.namespace, database.slug).runTimers()
    return c.json({ success: true, data: {} })
  })

  /** Bills AI tokens as an AI call does. */
  app.post('/ai-tokens', async (c) => {
    const { namespace, database, tokens } = AiTokens.parse(await c.req.json())
    await databaseObject(c.env, namespace, database).chargeAiTokens('test', tokens)
    return c.json({ success: true, data: {} })
  })

  /** Returns the mail sent since the start, newest first. */
  app.get('/outbox', (c) => c.json({ success: true, data: sentMail() }))

  /** Sends a mail, to test the settings. */
  app.post('/outbox', async (c) => {
    await createMailer(c.env)?.send(Mail.parse(await c.req.json()))
    return c.json({ success: true, data: {} })
  })

  /** Returns the database that this `Host` routes to, and whether the lookup returned a promise. */
  app.get('/hosted', async (c) => {
    const hosted = resolveHostname(c.req.query('host') ?? '', c.env, getSettings(c.env))
    return c.json({ success: true, data: { isAwaited: hosted instanceof Promise, hosted: (await hosted) ?? null } })
  })
  return app
}
