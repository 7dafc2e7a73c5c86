import { Hono } from 'hono'
import { authenticateOperator } from '../../api/authenticate.ts'
import { getContext } from '../../context.ts'
import type { Env } from '../../env.ts'
import { refuseRequest } from '../../reply.ts'
import { explainFailure } from '../../storage/sqlite-failures.ts'
import type { Answered } from './rest.ts'

/**
 * Creates an app for routes that aren't part of the API. They require the instance's secret, and exist only where
 * `isServed`.
 */
export function operatorRoutes(answered: Answered, isServed: (env: Env) => boolean): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.use(async (c, next) => {
    if (!isServed(c.env)) return c.notFound()
    await authenticateOperator(getContext(c.req.raw, c.env))
    return next()
  })
  app.onError(async (failure, c) => {
    const cause = await explainFailure(failure)
    const { status, body, code } = refuseRequest(cause, getContext(c.req.raw, c.env).requestId)
    const response = new Response(body, { status, headers: { 'Content-Type': 'application/json' } })
    answered(c.req.raw, { response, operation: 'none', code })
    return response
  })
  return app
}
