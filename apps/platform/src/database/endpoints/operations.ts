import { type Api, type Parsed, PerSQLError } from '@persql/contract'
import { assertInScope, isInScope } from '../../authority.ts'
import { toIso } from '../../clock.ts'
import { actorOf, type DatabaseCall, type EndpointOperation } from '../call.ts'
import type { Parts, Run } from '../operations.ts'
import { done, type Outcome } from '../outcome.ts'
import type { Result } from '../result.ts'
import { undone } from '../undone.ts'
import { changed, checkSpec, endpointOf, keyColumn, versionOf } from './manage.ts'
import { publicError, runEndpoint, type Spend } from './run.ts'
import { refused } from './serve.ts'
import { openEndpoint, type StoredEndpoint } from './store.ts'

/** What managing endpoints does in the database they belong to. Bodies are validated input, with the base URL in it. */
export const endpointOperations: Record<EndpointOperation, Run> = {
  list_endpoints: (call, { endpoints }) => {
    const listed = endpoints.list().filter(({ tableScope }) => isInScope(tableScope, call.grant))
    return done(listed.map(wireOf(call)))
  },
  get_endpoint: (call, parts) => done(wireOf(call)(find(call, parts))),
  list_endpoint_versions: (call, parts) => {
    const { slug } = find(call, parts).spec
    return done(parts.endpoints.versions(slug).map(versionOf))
  },

  create_endpoint(call, parts) {
    const { ns: _ns, db: _db, baseUrl: _baseUrl, ...given } = inputOf<'create_endpoint'>(call)
    const spec = checkSpec(given, call.grant, parts.engine, parts.storage.sql)
    const nowMs = parts.now()
    const stored = parts.endpoints.create(spec, call.grant.tableScope, actorOf(call.grant), nowMs)
    parts.audit(actorOf(call.grant), 'endpoint.created', spec.slug, { kind: spec.kind })
    return done(wireOf(call)(stored))
  },

  update_endpoint(call, parts) {
    const { baseUrl: _baseUrl, ...changes } = inputOf<'update_endpoint'>(call)
    const { spec: before, status } = find(call, parts)
    const spec = checkSpec(changed(before, changes), call.grant, parts.engine, parts.storage.sql)
    const stored = parts.endpoints.change(spec, call.grant.tableScope, actorOf(call.grant), parts.now())
    parts.audit(actorOf(call.grant), 'endpoint.updated', spec.slug, { version: stored.version, status })
    return done(wireOf(call)(stored))
  },

  publish_endpoint(call, parts) {
    const { slug, version } = inputOf<'publish_endpoint'>(call)
    const { endpoints, engine, storage } = parts
    let current = find(call, parts)
    const wanted = version === undefined || version === current.version ? current : savedVersion(parts, slug, version)
    // Checked again: tables may have changed since it was saved, and whoever publishes answers for what it reads.
    const spec = checkSpec(wanted.spec, call.grant, engine, storage.sql)
    if (wanted !== current) current = endpoints.change(spec, call.grant.tableScope, actorOf(call.grant), parts.now())
    const stored = endpoints.setStatus(slug, 'published', parts.now())
    parts.audit(actorOf(call.grant), 'endpoint.published', slug, { version: stored.version })
    return done(wireOf(call)(stored))
  },

  pause_endpoint(call, parts) {
    find(call, parts)
    const stored = parts.endpoints.setStatus(slugOf(call), 'paused', parts.now())
    parts.audit(actorOf(call.grant), 'endpoint.unpublished', stored.spec.slug, {})
    return done(wireOf(call)(stored))
  },

  delete_endpoint(call, parts) {
    find(call, parts)
    parts.endpoints.delete(slugOf(call))
    parts.audit(actorOf(call.grant), 'endpoint.deleted', slugOf(call), {})
    return done({ deleted: true })
  },

  try_endpoint: (call, parts) => tried(call, parts),

  rotate_session_key(call, parts) {
    const { endSessions } = inputOf<'rotate_session_key'>(call)
    const { keyId, previousUntilMs } = parts.sessions.rotate(endSessions, parts.now())
    parts.audit(actorOf(call.grant), 'session_key.rotated', keyId, { endSessions })
    const previousUntil = toIso(previousUntilMs)
    return done({ keyId, previousUntil })
  },
}

/** Calls the endpoint as its public would, behind all gates, and takes back what it wrote. */
async function tried(call: DatabaseCall, parts: Parts): Promise<Outcome> {
  const { input, session, changes } = inputOf<'try_endpoint'>(call)
  const { engine, storage } = parts
  const stored = find(call, parts)
  const spec = checkSpec(changed(stored.spec, changes ?? {}), call.grant, engine, storage.sql)
  const endpoint = openEndpoint({ ...stored, spec, tableScope: call.grant.tableScope })
  const used = { rowsRead: 0, rowsWritten: 0 }
  const spend: Spend = (_sql, run) => tasted(storage, engine, run, used)
  let failure: unknown
  let answer: { status: number; body: unknown }
  try {
    const user = session && {
      userId: String(session.userId),
      email: session.email ?? null,
      issuedAtS: Math.floor(parts.now() / 1000),
    }
    if (spec.auth === 'session' && !user) throw new PerSQLError('session_missing')
    const data = await runEndpoint(endpoint, endpoint.readInput('POST', JSON.stringify(input), user), {
      engine,
      keyOf: (table) => keyColumn(storage.sql, table),
      ask: parts.ask(call.grant.tokenId, spend),
      mint: async (_userId, _email, ttlS) => ({
        token: 'Issued to callers only.',
        expiresAt: toIso(parts.now() + ttlS * 1000),
      }),
      spend,
    })
    answer = { status: 200, body: { ok: true, data } }
  } catch (cause) {
    failure = cause
    const { status, body } = refused(publicError(cause, spec))
    answer = { status, body: JSON.parse(body) }
  }
  // Who tries it is its owner, and may know what the public may not.
  const reason = failure === undefined ? {} : { reason: PerSQLError.from(failure).message }
  return done({ ...answer, ...reason, ...used }, { sql: spec.sql, statementCount: 1, ...used })
}

/** What it read and wrote is charged although it is rolled back: it was done. */
function tasted(storage: DurableObjectStorage, engine: Parts['engine'], run: () => Result, used: Used): Result {
  const done = undone(storage, engine, run)
  used.rowsRead += done.rowsRead
  used.rowsWritten += done.rowsWritten
  return done
}

/** @throws PerSQLError `endpoint_not_found`, or `not_for_scoped_token` if it can reach tables that the caller's token can't */
function find(call: DatabaseCall, { endpoints }: Parts): StoredEndpoint {
  const stored = endpoints.get(slugOf(call))
  assertInScope(stored.tableScope, call.grant, 'use this endpoint')
  return stored
}

type Used = { rowsRead: number; rowsWritten: number }

function savedVersion({ endpoints }: Parts, slug: string, version: number) {
  const saved = endpoints.versions(slug).find((each) => each.version === version)
  if (!saved) throw new PerSQLError('version_not_found', { version })
  return saved
}

type Sent<K extends EndpointOperation> = Parsed<Api[K]> & { readonly baseUrl: string }
const inputOf = <K extends EndpointOperation>({ body }: DatabaseCall): Sent<K> => JSON.parse(body) as Sent<K>
const slugOf = (call: DatabaseCall): string => inputOf<'get_endpoint'>(call).slug

const wireOf = (call: DatabaseCall) => {
  const { ns, db, baseUrl } = inputOf<'list_endpoints'>(call)
  return (stored: StoredEndpoint) => ({ ...endpointOf(stored), url: `${baseUrl}/p/${ns}/${db}/${stored.spec.slug}` })
}
