import { PerSQLError } from '@persql/contract'
import { authenticateOperator } from './authenticate.ts'
import { clientAddress, contextOf } from './context.ts'
import type { Env } from './env.ts'
import { floodWaitS } from './http/flood.ts'
import { logRequest } from './http/request-log.ts'
import { rest } from './http/rest.ts'
import { count, exposition, observe } from './metrics.ts'
import { settingsOf } from './settings.ts'

export { Database } from './database/object.ts'
export { Directory } from './directory/object.ts'
export { Namespace } from './namespace/object.ts'

const answers = new WeakMap<Request, { operation: string; code: string | undefined }>()
const app = rest((request, operation, reply) => answers.set(request, { operation, code: reply.code }))
app.get('/healthz', () => Response.json({ ok: true }))
app.get('/metrics', async (c) => {
  if (!isLoopback(clientAddress(c.req.raw, settingsOf(c.env)))) await authenticateOperator(contextOf(c.req.raw, c.env))
  return new Response(exposition(), { headers: { 'Content-Type': 'text/plain; version=0.0.4' } })
})

export default {
  async fetch(request, env, ctx) {
    if (request.url.endsWith('/healthz')) return app.fetch(request, env, ctx)
    const startedMs = performance.now()
    const settings = settingsOf(env)
    const address = clientAddress(request, settings)
    const waitS = floodWaitS(address, settings.floodPerMinute, Date.now())
    const response = waitS > 0 ? flooded(waitS) : await app.fetch(request, env, ctx)
    const ms = performance.now() - startedMs
    const { operation = 'none', code = waitS > 0 ? 'flood' : undefined } = answers.get(request) ?? {}
    count('persql_requests_total', `operation="${operation}",status="${response.status}"`)
    if (code) count('persql_errors_total', `code="${code}"`)
    observe(ms)
    logRequest(
      {
        at: new Date().toISOString(),
        level: 'info',
        event: 'request',
        method: request.method,
        path: pathOf(request.url),
        operation,
        status: response.status,
        code,
        ms: Math.round(ms * 100) / 100,
        address,
      },
      (work) => ctx.waitUntil(work),
    )
    return response
  },
} satisfies ExportedHandler<Env>

function flooded(seconds: number): Response {
  const error = new PerSQLError('flood', { seconds })
  return Response.json(error, { status: error.status, headers: { 'Retry-After': String(seconds) } })
}

const pathOf = (url: string) =>
  url
    .slice(url.indexOf('/', 8))
    .replace(/[?#].*$/, '')
    .slice(0, 300)
const isLoopback = (address: string) => address === '::1' || address.startsWith('127.')
