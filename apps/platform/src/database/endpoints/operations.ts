import { PerSQLError } from '@persql/contract'
import { assertInScope, isInScope } from '../../authority.ts'
import { toIso } from '../../clock.ts'
import { type DatabaseCall, getActor } from '../calls/call.ts'
import type { ExclusiveAccess } from '../calls/exclusive-access.ts'
import { type Handlers, parseInput } from '../calls/handler.ts'
import { done, type Outcome } from '../calls/outcome.ts'
import { dryRun } from '../engine/dry-run.ts'
import type { Engine } from '../engine/engine.ts'
import type { Result } from '../engine/result.ts'
import type { DatabaseReads } from '../reads/database-reads.ts'
import { withResult } from '../reads/reader-result.ts'
import type { Audit } from '../review/audit-outbox.ts'
import { sessionMissing } from './input.ts'
import { changed, checkSpec, keyColumn, toEndpoint, toEndpointVersion } from './manage.ts'
import { type EndpointContext, publicError, type RunBilled, type RunQuestion, runEndpoint } from './run.ts'
import { createErrorResponse } from './serve.ts'
import type { Sessions } from './sessions.ts'
import { type Endpoints, openEndpoint, type StoredEndpoint } from './store.ts'

/** The services that managing endpoints uses. */
interface EndpointServices {
  readonly endpoints: Endpoints
  readonly sessions: Sessions
  readonly engine: Engine
  readonly storage: DurableObjectStorage
  readonly audit: Audit
  readonly now: () => number
  readonly exclusive: Pick<ExclusiveAccess, 'busy'>
  /** Derives keys outside of the thread that serves data. `undefined`: in place. */
  readonly derive: EndpointContext['derive']
  /** Returns the function that sends questions to the AI model for an endpoint and charges a token. */
  readonly reads: DatabaseReads
  readonly ask: (tokenId: string, spend: RunBilled) => RunQuestion
}

/** Returns the handlers that manage endpoints. Their request bodies contain the base URL. */
export function operations(services: EndpointServices) {
  return {
    list_endpoints: (call) => {
      const listed = services.endpoints.list().filter(({ tableScope }) => isInScope(tableScope, call.grant))
      return done(listed.map(createFormatter(call)))
    },
    get_endpoint: (call) => done(createFormatter(call)(find(call, services))),
    list_endpoint_versions: (call) => {
      const { slug } = find(call, services).spec
      return done(services.endpoints.versions(slug).map(toEndpointVersion))
    },

    create_endpoint(call) {
      const { ns: _ns, db: _db, baseUrl: _baseUrl, ...given } = parseInput<'create_endpoint'>(call)
      const spec = checkSpec(given, call.grant, services.engine, services.storage.sql)
      const nowMs = services.now()
      const stored = services.endpoints.create(spec, call.grant.tableScope, getActor(call.grant), nowMs)
      services.audit(getActor(call.grant), 'endpoint.created', spec.slug, { kind: spec.kind })
      return done(createFormatter(call)(stored))
    },

    update_endpoint(call) {
      const { baseUrl: _baseUrl, ...changes } = parseInput<'update_endpoint'>(call)
      const { spec: before, status } = find(call, services)
      const spec = checkSpec(changed(before, changes), call.grant, services.engine, services.storage.sql)
      const stored = services.endpoints.change(spec, call.grant.tableScope, getActor(call.grant), services.now())
      services.audit(getActor(call.grant), 'endpoint.updated', spec.slug, { version: stored.version, status })
      return done(createFormatter(call)(stored))
    },

    publish_endpoint(call) {
      const { slug, version } = parseInput<'publish_endpoint'>(call)
      const { endpoints, engine, storage } = services
      let current = find(call, services)
      const wanted =
        version === undefined || version === current.version ? current : savedVersion(services, slug, version)
      // Checked again: tables can have changed since the version was saved, and the spec must pass with the publisher's
      // permissions.
      const spec = checkSpec(wanted.spec, call.grant, engine, storage.sql)
      if (wanted !== current)
        current = endpoints.change(spec, call.grant.tableScope, getActor(call.grant), services.now())
      const stored = endpoints.setStatus(slug, 'published', services.now())
      services.audit(getActor(call.grant), 'endpoint.published', slug, { version: stored.version })
      return done(createFormatter(call)(stored))
    },

    pause_endpoint(call) {
      find(call, services)
      const stored = services.endpoints.setStatus(getSlug(call), 'paused', services.now())
      services.audit(getActor(call.grant), 'endpoint.unpublished', stored.spec.slug, {})
      return done(createFormatter(call)(stored))
    },

    delete_endpoint(call) {
      find(call, services)
      services.endpoints.delete(getSlug(call))
      services.audit(getActor(call.grant), 'endpoint.deleted', getSlug(call), {})
      return done({ deleted: true })
    },

    try_endpoint: (call) => tried(call, services),

    rotate_session_key(call) {
      const { endSessions } = parseInput<'rotate_session_key'>(call)
      const { keyId, previousUntilMs } = services.sessions.rotate(endSessions, services.now())
      services.audit(getActor(call.grant), 'session_key.rotated', keyId, { endSessions })
      const previousUntil = previousUntilMs === null ? null : toIso(previousUntilMs)
      return done({ keyId, previousUntil })
    },
  } satisfies Handlers
}

/** Calls the endpoint as a public caller would, without the endpoint guards, and rolls back its writes. */
async function tried(call: DatabaseCall, services: EndpointServices): Promise<Outcome> {
  const { input, session, changes } = parseInput<'try_endpoint'>(call)
  const { engine, storage, exclusive, derive } = services
  const stored = find(call, services)
  const spec = checkSpec(changed(stored.spec, changes ?? {}), call.grant, engine, storage.sql)
  const endpoint = openEndpoint({ ...stored, spec, tableScope: call.grant.tableScope })
  const used = { rowsRead: 0, rowsWritten: 0 }
  const spend: RunBilled = (_sql, run) => tasted(storage, engine, run, used)
  let failure: unknown
  let answer: { status: number; body: unknown }
  try {
    const user = session && {
      userId: String(session.userId),
      email: session.email ?? null,
      issuedAtS: Math.floor(services.now() / 1000),
    }
    if (spec.auth === 'session' && !user) throw sessionMissing('Pass "session" with the "userId" of a user.')
    const data = await runEndpoint(endpoint, endpoint.readInput('POST', JSON.stringify(input), user), {
      ...{ reads: services.reads, derive },
      // The call itself checks whether the database still exists.
      resume: async () => exclusive.busy,
      findKey: (table) => keyColumn(storage.sql, table),
      ask: services.ask(call.grant.tokenId, spend),
      mint: async (_userId, _email, ttlS) => ({
        token: 'Not issued in a test call.',
        expiresAt: toIso(services.now() + ttlS * 1000),
      }),
      spend,
    })
    answer = { status: 200, body: { ok: true, data } }
  } catch (cause) {
    failure = cause
    const { status, body } = createErrorResponse(publicError(cause, spec))
    answer = { status, body: JSON.parse(body) }
  }
  // The caller manages the endpoint, so the response can contain the reason that the public doesn't see.
  const reason = failure === undefined ? {} : { reason: PerSQLError.from(failure).message }
  return done({ ...answer, ...reason, ...used }, { sql: spec.sql, statementCount: 1, ...used })
}

/** Runs a dry run and adds up its rows: they are charged although the writes are rolled back. */
function tasted(
  storage: DurableObjectStorage,
  engine: Engine,
  run: () => Result | Promise<Result>,
  used: Used,
): Result | Promise<Result> {
  return withResult(dryRun(storage, engine, run), (done) => {
    used.rowsRead += done.rowsRead
    used.rowsWritten += done.rowsWritten
    return done
  })
}

/** @throws PerSQLError `endpoint_not_found`, or `not_for_scoped_token` if it can reach tables that the caller's token can't */
function find(call: DatabaseCall, { endpoints }: EndpointServices): StoredEndpoint {
  const stored = endpoints.get(getSlug(call))
  assertInScope(stored.tableScope, call.grant, 'use this endpoint')
  return stored
}

type Used = { rowsRead: number; rowsWritten: number }

function savedVersion({ endpoints }: EndpointServices, slug: string, version: number) {
  const saved = endpoints.versions(slug).find((each) => each.version === version)
  if (!saved) throw new PerSQLError('version_not_found', { version })
  return saved
}

const getSlug = (call: DatabaseCall): string => parseInput<'get_endpoint'>(call).slug

const createFormatter = (call: DatabaseCall) => {
  const { ns, db, baseUrl } = parseInput<'list_endpoints'>(call)
  return (stored: StoredEndpoint) => ({ ...toEndpoint(stored), url: `${baseUrl}/p/${ns}/${db}/${stored.spec.slug}` })
}
