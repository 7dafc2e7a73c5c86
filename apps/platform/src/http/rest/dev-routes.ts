import { Hono } from 'hono'
import * as z from 'zod'
import { authenticateOperator } from '../../api/authenticate.ts'
import { databaseObject, directoryObject, namespaceObject } from '../../api/objects.ts'
import { setAhead } from '../../clock.ts'
import { contextOf } from '../../context.ts'
import type { Env } from '../../env.ts'
import { mailOf, sentMail } from '../../integrations/mail.ts'
import { refuse } from '../../reply.ts'
import { settingsOf } from '../../settings.ts'
import { resolveHostname } from '../public/hostnames.ts'

const Clock = z.strictObject({
  aheadMs: z.int().min(0),
  /** Does what is due in this one too. */
  database: z.strictObject({ namespace: z.string(), slug: z.string() }).optional(),
})
const Mail = z.strictObject({ to: z.email(), subject: z.string(), text: z.string() })
const AiTokens = z.strictObject({ namespace: z.string(), database: z.string(), tokens: z.int().min(0) })

/** Doors for tests and development, which exist with `PERSQL_DEV=1` only, for whoever holds the instance's secret. */
export function dev(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.use(async (c, next) => {
    if (!settingsOf(c.env).dev) return c.notFound()
    await authenticateOperator(contextOf(c.req.raw, c.env))
    return next()
  })

  /** Sets the clock ahead, and does what is due by then before it answers. */
  app.post('/clock', async (c) => {
    const { aheadMs, database } = Clock.parse(await c.req.json())
    setAhead(aheadMs)
    for (const { slug } of await directoryObject(c.env).list()) await namespaceObject(c.env, slug).runTimers()
    if (database) await databaseObject(c.env, database.namespace, database.slug).runTimers()
    return c.json({ success: true, data: {} })
  })

  /** Charges tokens as a call of a model does. */
  app.post('/ai-tokens', async (c) => {
    const { namespace, database, tokens } = AiTokens.parse(await c.req.json())
    await databaseObject(c.env, namespace, database).chargeAiTokens('test', tokens)
    return c.json({ success: true, data: {} })
  })

  /** Mail since the start, the newest first. */
  app.get('/outbox', (c) => c.json({ success: true, data: sentMail() }))

  /** Sends a mail, to try the settings. */
  app.post('/outbox', async (c) => {
    await mailOf(c.env)?.send(Mail.parse(await c.req.json()))
    return c.json({ success: true, data: {} })
  })

  /** The database that a request with this `Host` leads to, and whether that had to be asked. */
  app.get('/hosted', async (c) => {
    const hosted = resolveHostname(c.req.query('host') ?? '', c.env, settingsOf(c.env))
    return c.json({ success: true, data: { isAwaited: hosted instanceof Promise, hosted: (await hosted) ?? null } })
  })

  app.onError((cause) => {
    const { status, body } = refuse(cause)
    return new Response(body, { status, headers: { 'Content-Type': 'application/json' } })
  })
  return app
}
