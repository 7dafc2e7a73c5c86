import { type EntryPoint, PerSQLError } from '@persql/contract'
import { USE_TOKEN } from '../../api/authenticate.ts'
import { fetchObject } from '../../cells.ts'
import type { Context } from '../../context.ts'
import type { Env } from '../../env.ts'
import type { Reply } from '../../reply.ts'

const PROTOCOL = 'persql.bearer.'

/**
 * Returns the context of the caller of a WebSocket. Browsers can't send `Authorization` with one, so the token comes as
 * the protocol `persql.bearer.<token>`, or as `?token=`. With a cookie, the origin is checked as for a request that
 * changes something.
 */
export function callerOfSocket(request: Request, context: Context, door: EntryPoint): PerSQLError | Context {
  if (door === 'session') {
    const origin = request.headers.get('Origin')
    const isOurs = origin === new URL(context.baseUrl).origin
    return isOurs
      ? context
      : new PerSQLError('origin_refused', { origin: origin ?? 'a client without an Origin header', instead: USE_TOKEN })
  }
  const given = findProtocol(request)?.slice(PROTOCOL.length) ?? new URL(request.url).searchParams.get('token')
  if (given === null) return context
  const headers = new Headers(request.headers)
  headers.set('Authorization', `Bearer ${given}`)
  return { ...context, headers }
}

/** Forwards the connection to the database that authorized it. */
export async function upgraded(
  { body }: Reply,
  { ns, db }: { ns: string; db: string },
  env: Env,
  request: Request,
): Promise<Response> {
  if (request.headers.get('Upgrade')?.toLowerCase() !== 'websocket') return failed(new PerSQLError('upgrade_required'))
  const { ticket } = (JSON.parse(body) as { data: { ticket: string } }).data
  const opened = await fetchObject(env, 'DATABASES', `${ns}/${db}`, { Upgrade: 'websocket', 'X-PerSQL-Ticket': ticket })
  const { webSocket } = opened
  if (!webSocket) return failed(new PerSQLError('unavailable'))
  // Browsers close a connection if the response doesn't name one of the requested protocols.
  const protocol = findProtocol(request)
  return new Response(null, { status: 101, webSocket, headers: protocol ? { 'Sec-WebSocket-Protocol': protocol } : {} })
}

const failed = (error: PerSQLError) => Response.json(error, { status: error.status })

const findProtocol = (request: Request): string | undefined =>
  (request.headers.get('Sec-WebSocket-Protocol') ?? '')
    .split(',')
    .map((each) => each.trim())
    .find((each) => each.startsWith(PROTOCOL))
