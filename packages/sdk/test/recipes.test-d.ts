import type Anthropic from '@anthropic-ai/sdk'
import { DynamicStructuredTool } from '@langchain/core/tools'
import { generateText, type LanguageModel, type ToolSet } from 'ai'
import type OpenAI from 'openai'
import {
  ApprovalRequiredError,
  InsufficientBalanceError,
  PerSQL,
  type PerSQLDatabase,
  PerSQLError,
  type QueryResult,
  RateLimitError,
  type ToolResult,
} from '../src/index.ts'
import { verifyWebhook } from '../src/webhooks.ts'

// Programs of users: all names, options and fields in the documentation compile without a cast.

const persql = new PerSQL({ token: 'psql_live_…', baseURL: 'https://api.persql.com', fetch })
const db: PerSQLDatabase = persql.database('acme', 'orders')

/** Proposes a write, and applies it if it changes few rows. */
export async function writeGuard(sql: string, params: string[]): Promise<number> {
  const { estimatedAffectedRows, executionToken, action, plan, expiresAt } = await db.proposals.propose(sql, {
    params,
    ttlSec: 300,
  })
  if (action !== 'write' || estimatedAffectedRows === null || estimatedAffectedRows > 10) {
    throw new Error(`${estimatedAffectedRows} rows until ${expiresAt}: ${JSON.stringify(plan)}`)
  }
  const { rowsWritten, changes, meta } = await db.proposals.apply(executionToken)
  return (changes ?? rowsWritten) + (meta?.costUsd ?? 0)
}

/** Creates a branch for each agent. */
export async function agentSandbox(purpose: string): Promise<string> {
  const claim = await db.branches.claim({ purpose, ttlSec: 3600, role: 'write' })
  const sandbox = new PerSQL({ token: claim.token }).database(claim.namespaceSlug, claim.databaseSlug)
  const { tables, databaseDescription } = await sandbox.describe()
  const columns = tables.flatMap(({ table, columns }) => columns.map(({ name, type }) => `${table}.${name} ${type}`))
  await db.branches.merge(claim.branchRef, { mode: 'schema' })
  return `${databaseDescription}: ${columns} until ${claim.expiresAt} (${claim.outcome})`
}

/** Creates a branch for a pull request, and deletes it when the pull request is closed. */
export async function pullRequest(number: number, isClosed: boolean): Promise<PerSQLDatabase | undefined> {
  const ref = `pr-${number}`
  if (isClosed) {
    await db.branches.delete(ref)
    return undefined
  }
  const expiresAt = new Date(Date.now() + 7 * 86_400_000).toISOString()
  const { branchRef, forkedFrom, slug } = await db.branches.upsert(ref, { fromRef: 'main', expiresAt })
  void [branchRef, forkedFrom?.slug, slug]
  return persql.database('acme', `orders.${ref}`)
}

/** Stops a loop before it exceeds its budget. */
export async function costAwareLoop(steps: readonly string[], budgetUsd: number): Promise<number> {
  let spentUsd = 0
  for (const [index, sql] of steps.entries()) {
    const { meta, rowsRead } = await db.query(sql, [], { planKey: 'nightly', planStep: String(index) })
    spentUsd += meta?.costUsd ?? 0
    if (spentUsd > budgetUsd) throw new Error(`${spentUsd} USD after ${rowsRead} rows`)
  }
  return spentUsd
}

/** Lets an AI model fix its statement from the error. */
export async function selfHeal(
  sql: string,
  mend: (sql: string, hint: string, schema: string) => Promise<string>,
): Promise<Record<string, unknown>[]> {
  const { ok, errorDetail } = await db.validate(sql, [])
  if (!ok) return selfHeal(await mend(sql, errorDetail?.hint ?? '', await db.describeCompact()), mend)
  try {
    return (await db.query(sql)).data
  } catch (error) {
    if (!(error instanceof PerSQLError) || error.detail === undefined) throw error
    const { kind, message, table, column, near, hint } = error.detail
    const words = [kind, message, table, column, near, hint].filter(Boolean).join(' ')
    return selfHeal(await mend(sql, words, await db.describeCompact()), mend)
  }
}

/** Finds the tables for a question. */
export async function schemaSearch(question: string): Promise<string[]> {
  const { hits } = await db.search(question, { limit: 5 })
  const { findings } = await db.doctor()
  const { sql, explanation, data } = await db.ask(question, {
    allowedTables: hits.map(({ table }) => table),
    maxRows: 10,
  })
  void [findings.map(({ rule, message, fix }) => `${rule} ${message} ${fix}`), sql, explanation, data]
  return hits.map(({ kind, table, column, score }) => `${kind} ${table}.${column ?? '*'} ${score}`)
}

/** Waits for the approval of a write. */
export async function approvals(sql: string): Promise<QueryResult | QueryResult[] | undefined> {
  await db.approvalRules.create({ tableGlob: 'payments*', action: 'require_approval', note: 'money' })
  try {
    return await db.query(sql)
  } catch (error) {
    if (error instanceof RateLimitError) throw new Error(`Again in ${error.retryAfter} s`)
    if (error instanceof InsufficientBalanceError) throw new Error(`Add funds: ${error.topUp?.url}`)
    if (!(error instanceof ApprovalRequiredError)) throw error
    const { approvalUrl, approvalToken, hits, expiresAt } = error
    console.log(approvalUrl, expiresAt, hits[0]?.matchedTable, hits[0]?.note)
    const { status } = await db.approvals.poll(approvalToken, { intervalMs: 2000, timeoutMs: 600_000 })
    return status === 'approved' ? db.approvals.redeem(approvalToken) : undefined
  }
}

/** Hands a branch off to a sub-agent without a token. */
export async function handoff(ref: string): Promise<PerSQLDatabase> {
  const { token } = await db.branches.pin(ref, { role: 'read', ttlSec: 900 })
  const sub = await PerSQL.fromHandoff(token)
  return sub.database(sub.handedOff.namespaceSlug, sub.handedOff.databaseSlug)
}

/** Delivers changes to a server, which verifies their signature. */
export async function webhooks(request: Request): Promise<string | undefined> {
  const { id, secret } = await db.webhooks.create({
    name: 'index',
    url: 'https://hooks.example/persql',
    tables: ['people'],
    events: ['insert', 'update', 'delete'],
  })
  const { secret: next } = await db.webhooks.rotateSecret(id)
  const event = await verifyWebhook([secret, next], request.headers, await request.text())
  const off = db.subscribe({
    tables: ['people'],
    onChange: ({ table, kind }) => console.log(table, kind),
    onReady: (tables) => console.log(tables === '*' ? 'all' : tables.join()),
    onError: ({ message }) => console.log(message),
  })
  off()
  return event.type === 'row.change' ? event.table : undefined
}

/** Passes the database to an AI model, in the format of each framework. */
export async function tools(model: LanguageModel, input: { sql: string; params?: (string | number)[] }) {
  const anthropic: Anthropic.Tool[] = [db.asTool('orders').anthropic, ...db.asTools().anthropic]
  const openai: OpenAI.ChatCompletionTool[] = [db.asTool('orders').openai, ...db.asTools().openai]
  const aiSdk: ToolSet = { ...db.asTool('orders').aiSdk(), ...db.asTools().aiSdk() }
  const named = db.asTool('orders').aiSdk().orders.description + db.asTool().mastra().query.id
  const langchain = [new DynamicStructuredTool(db.asTool('orders').langchain())]
  const { text } = await generateText({ model, tools: db.asTool('orders').aiSdk(), prompt: 'How many?' })
  const result: ToolResult = await db.runTool(input)
  const { data, error } = result
  const rows: Record<string, unknown>[] | undefined = (await db.runTool(input)).data
  const answer = result.error === undefined ? result.data[0]?.id : result.approvalUrl
  const ran = await db.asTools({ maxRows: 20 }).run('select_rows', { table: 'people' })
  return [anthropic, openai, aiSdk, named, langchain, text, data, error, rows, answer, ran]
}

/** Runs the remaining methods of a client. */
export async function housekeeping(): Promise<unknown[]> {
  const [first] = await db.transaction([{ sql: 'SELECT 1 AS n' }], { idempotencyKey: 'nightly-2026-11-21' })
  const listed = await persql.databases.create({ slug: 'copy', name: 'Copy' })
  const { plan, reads, writes } = await db.explain('SELECT 1')
  const session = await db.createSession({ userId: 'u1', email: 'a@example.com', expiresIn: 600 })
  const log = await db.queryLog({ limit: 5 })
  const { balanceUsd } = await persql.billing.get()
  await db.setDescription({ databaseDescription: 'Orders', tables: [{ table: 't', description: 'T', columns: [] }] })
  const local = new PerSQL({ local: ':memory:' })
  await local.close()
  return [first?.data, listed.slug, plan[0]?.detail, reads, writes, session.token, log[0]?.sql, balanceUsd]
}
