import { ApprovalRequiredError, PerSQL } from '@persql/sdk'
import type { Example } from './client-examples.ts'

/** The examples of the resources of a database, in the order in which a test runs them. */
export const resourceExamples = {
  'db.branches.upsert': async ({ db }) => {
    const { slug } = await db.branches.upsert('pr-42', { ttlDays: 7 })
    console.log(slug)
  },
  'db.branches.claim': async ({ db }) => {
    const { token, namespaceSlug, databaseSlug } = await db.branches.claim({ ref: 'agent', role: 'admin', ttlSec: 600 })
    const branch = new PerSQL({ token }).database(namespaceSlug, databaseSlug)
    await branch.query('CREATE INDEX people_by_name ON people (name)')
  },
  'db.branches.update': async ({ db }) => {
    const { expiresAt } = await db.branches.update('agent', { ttlDays: 7 })
    console.log(expiresAt)
  },
  'db.branches.pin': async ({ db }) => {
    const { token, expiresAt } = await db.branches.pin('agent', { role: 'read' })
    console.log(token, expiresAt) // for PerSQL.fromHandoff
  },
  'db.branches.list': async ({ db }) => {
    for (const { branchRef, expiresAt } of await db.branches.list()) console.log(branchRef, expiresAt)
  },
  'db.branches.get': async ({ db }) => {
    const { slug, forkedAt } = await db.branches.get('agent')
    console.log(slug, forkedAt)
  },
  'db.branches.diff': async ({ db }) => {
    const { schema, migrations } = await db.branches.diff('agent')
    console.log(schema.statements, migrations.branch)
  },
  'db.branches.merge': async ({ db }) => {
    const { planHash, schema } = await db.branches.merge('agent') // a preview: changes nothing
    console.log(schema.statements)
    await db.branches.merge('agent', { mode: 'schema', expectedPlan: planHash })
  },
  'db.branches.delete': async ({ db }) => {
    await db.branches.delete('agent')
  },
  'db.proposals.propose': async ({ db }) => {
    const proposal = await db.proposals.propose('DELETE FROM people WHERE name = ?', { params: ['Hopper'] })
    console.log(proposal.estimatedAffectedRows, proposal.executionToken)
  },
  'db.proposals.apply': async ({ db }) => {
    const { executionToken } = await db.proposals.propose('DELETE FROM people WHERE name = ?', { params: ['Hopper'] })
    const { changes } = await db.proposals.apply(executionToken)
    console.log(changes)
  },
  'db.approvalRules.create': async ({ db }) => {
    const { id } = await db.approvalRules.create({ tableGlob: 'people', action: 'require_approval' })
    console.log(id)
  },
  'db.approvalRules.list': async ({ db }) => {
    for (const { tableGlob, action } of await db.approvalRules.list()) console.log(tableGlob, action)
  },
  'db.approvals.get': async ({ db }) => {
    try {
      await db.query("INSERT INTO people (name) VALUES ('Lovelace')")
    } catch (error) {
      if (!(error instanceof ApprovalRequiredError)) throw error
      console.log((await db.approvals.get(error.approvalToken)).status) // pending
    }
  },
  'db.approvals.list': async ({ db }) => {
    for (const { sql, status } of await db.approvals.list()) console.log(status, sql)
  },
  'db.approvals.poll': async ({ db }) => {
    const [request] = await db.approvals.list()
    if (!request) return
    const { status, note } = await db.approvals.poll(request.approvalToken, { timeoutMs: 60_000 })
    console.log(status, note)
  },
  'db.approvals.redeem': async ({ db }) => {
    const [request] = await db.approvals.list()
    if (request?.status === 'approved') console.log(await db.approvals.redeem(request.approvalToken))
  },
  'db.approvalRules.delete': async ({ db }) => {
    for (const { id } of await db.approvalRules.list()) await db.approvalRules.delete(id)
  },
  'db.snapshots.create': async ({ db }) => {
    const { id, rows } = await db.snapshots.create('before the release')
    console.log(id, rows)
  },
  'db.snapshots.list': async ({ db }) => {
    for (const { label, createdAt, automatic } of await db.snapshots.list()) console.log(label, createdAt, automatic)
  },
  'db.snapshots.restore': async ({ db }) => {
    const { id } = await db.snapshots.create('good state')
    await db.query('DELETE FROM people')
    const { before } = await db.snapshots.restore({ snapshotId: id }) // `before` has the state without rows
    console.log(before.id)
  },
  'db.snapshots.delete': async ({ db }) => {
    const [oldest] = (await db.snapshots.list()).slice(-1)
    if (oldest) await db.snapshots.delete(oldest.id)
  },
  'db.migrations.create': async ({ db }) => {
    const { id } = await db.migrations.create({ name: 'add-age', sql: 'ALTER TABLE people ADD COLUMN age INTEGER' })
    console.log(id)
  },
  'db.migrations.list': async ({ db }) => {
    for (const { name, appliedAt } of await db.migrations.list()) console.log(name, appliedAt ?? 'draft')
  },
  'db.migrations.update': async ({ db }) => {
    const [draft] = await db.migrations.list()
    if (draft) await db.migrations.update(draft.id, { sql: `${draft.sql} DEFAULT 0` })
  },
  'db.migrations.apply': async ({ db }) => {
    const [draft] = await db.migrations.list()
    if (draft) console.log((await db.migrations.apply(draft.id)).durationMs)
  },
  'db.migrations.delete': async ({ db }) => {
    const { id } = await db.migrations.create({ name: 'drop-age', sql: 'ALTER TABLE people DROP COLUMN age' })
    await db.migrations.delete(id)
  },
  'db.endpoints.create': async ({ db }) => {
    const { status, url } = await db.endpoints.create({
      slug: 'people-named',
      name: 'People by name',
      kind: 'query',
      method: 'GET',
      output: 'rows',
      sql: 'SELECT name FROM people WHERE name = ?',
      input: [{ name: 'name', type: 'text', required: true }],
    })
    console.log(status, url)
  },
  'db.endpoints.publish': async ({ db }) => {
    const { url, version } = await db.endpoints.publish('people-named')
    console.log(url, version)
  },
  'db.endpoints.list': async ({ db }) => {
    for (const { slug, status } of await db.endpoints.list()) console.log(slug, status)
  },
  'db.endpoints.get': async ({ db }) => {
    console.log((await db.endpoints.get('people-named')).spec)
  },
  'db.endpoints.update': async ({ db }) => {
    const { version } = await db.endpoints.update('people-named', { rateLimit: { perMin: 60, perDay: 10_000 } })
    console.log(version)
  },
  'db.endpoints.pause': async ({ db }) => {
    console.log((await db.endpoints.pause('people-named')).status) // paused
  },
  'db.endpoints.delete': async ({ db }) => {
    await db.endpoints.delete('people-named')
  },
  'db.webhooks.create': async ({ db }) => {
    const { secret } = await db.webhooks.create({
      name: 'search index',
      url: 'https://hooks.example/persql',
      tables: ['people'],
    })
    console.log(secret) // for verifyWebhook in the receiver
  },
  'db.webhooks.list': async ({ db }) => {
    for (const { name, enabled, failingSince } of await db.webhooks.list()) console.log(name, enabled, failingSince)
  },
  'db.webhooks.get': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (hook) console.log((await db.webhooks.get(hook.id)).disabledReason)
  },
  'db.webhooks.update': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (hook) await db.webhooks.update(hook.id, { events: ['insert', 'update'] })
  },
  'db.webhooks.rotateSecret': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (hook) console.log((await db.webhooks.rotateSecret(hook.id)).secret)
  },
  'db.webhooks.test': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (!hook) return
    const { delivered, responseStatus, error } = await db.webhooks.test(hook.id)
    console.log(delivered, responseStatus ?? error)
  },
  'db.webhooks.deliveries': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (!hook) return
    for (const { status, attempts } of await db.webhooks.deliveries(hook.id)) console.log(status, attempts)
  },
  'db.webhooks.replay': async ({ db }) => {
    const [hook] = await db.webhooks.list()
    if (!hook) return
    const failed = (await db.webhooks.deliveries(hook.id)).filter(({ status }) => status === 'failed')
    for (const { id } of failed) await db.webhooks.replay(hook.id, id)
  },
  'db.webhooks.delete': async ({ db }) => {
    for (const { id } of await db.webhooks.list()) await db.webhooks.delete(id)
  },
  'db.schedules.create': async ({ db }) => {
    const sql = 'DELETE FROM people WHERE email IS NULL'
    const { nextRunAt } = await db.schedules.create({ name: 'tidy up', sql, intervalSec: 3_600 })
    console.log(nextRunAt)
  },
  'db.schedules.list': async ({ db }) => {
    for (const { name, lastStatus, lastError } of await db.schedules.list()) console.log(name, lastStatus, lastError)
  },
  'db.schedules.update': async ({ db }) => {
    const [schedule] = await db.schedules.list()
    if (schedule) await db.schedules.update(schedule.id, { enabled: false })
  },
  'db.schedules.run': async ({ db }) => {
    const [schedule] = await db.schedules.list()
    if (schedule) console.log((await db.schedules.run(schedule.id)).lastRowsWritten)
  },
  'db.schedules.delete': async ({ db }) => {
    for (const { id } of await db.schedules.list()) await db.schedules.delete(id)
  },
  'db.settings.get': async ({ db }) => {
    console.log((await db.settings.get()).automaticSnapshots)
  },
  'db.settings.update': async ({ db }) => {
    await db.settings.update({ automaticSnapshots: false })
  },
} as const satisfies Readonly<Record<string, Example>>
