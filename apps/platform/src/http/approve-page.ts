import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import type { Account } from '../accounts/auth.ts'
import { authenticateAccount } from '../authenticate.ts'
import { type Context, contextOf } from '../context.ts'
import { approvalAddress } from '../database/approvals/tokens.ts'
import type { Env } from '../env.ts'
import { isSigned, signForm } from '../oauth/form-state.ts'
import { directoryObject } from '../objects.ts'
import { approvals } from '../operations/approvals.ts'
import { readBody } from './body.ts'
import { escapeHtml, page } from './page.ts'
import { shown } from './shown.ts'
import { asSomebodyElse, hidden, signedIn, waysIn } from './signed-in.ts'

const MAX_BODY = 64 * 1024
const STANDS = {
  pending: 'It waits for a decision.',
  approved: 'It was approved. Whoever asked can now run it, once.',
  denied: 'It was denied. Nothing is run.',
  expired: 'Nobody decided in time. Nothing is run.',
  redeemed: 'It was approved and has been run.',
}

/** Where the link of an approval leads: what is asked for, and two buttons. */
export function approvePage(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/approve/:token', (c) => {
    const token = c.req.param('token')
    return shown(() => ask(contextOf(c.req.raw, c.env), token))
  })
  app.post('/approve/:token', (c) => shown(() => decide(contextOf(c.req.raw, c.env), c.req.param('token'), c.req.raw)))
  return app
}

async function ask(ctx: Context, token: string): Promise<Response> {
  // Only what has the shape of such a token gets into the page.
  const { namespace, slug } = approvalAddress(token)
  const title = `A write to ${namespace}/${slug} waits for you`
  const account = await signedIn(ctx)
  if (account) return requestPage(ctx, account, token)
  return page(title, ['Sign in to see what is asked for. Editors of the database decide.', waysIn(`/approve/${token}`)])
}

async function requestPage(ctx: Context, account: Account, token: string): Promise<Response> {
  const request = await approvals.get_approval_request({ token }, { ...ctx, account })
  const blocks = blocksOf(request, await nameOf(ctx, request.askedBy))
  const path = `/approve/${token}`
  const address = `${request.namespaceSlug}/${request.databaseSlug}`
  if (request.status !== 'pending') return page(`A write to ${address}`, [...blocks, STANDS[request.status]])
  const subject = { userId: account.userId, query: path, namespace: request.namespaceSlug }
  const form = `<form method="post" action="${path}">${hidden('state', await signForm(ctx.env, subject))}
    <label>A word to whoever asked, if you like <input name="note" maxlength="500"></label>
    <p class="actions"><button name="decision" value="approve">Approve</button>
    <button class="plain" name="decision" value="deny">Deny</button></p></form>`
  return page(`A write to ${address} waits for you`, [...blocks, form, asSomebodyElse(account.email, path)], {
    formAction: "'self'",
  })
}

/** Who asks, as whoever decides knows them: people by their address, tokens by their id. */
async function nameOf(ctx: Context, actor: string): Promise<string> {
  const [kind, id = ''] = actor.split(':')
  if (kind !== 'user') return actor
  const [person] = await directoryObject(ctx.env).people([id])
  return person?.email ?? actor
}

function blocksOf({ statements, tables, rowsWritten, expiresAt, hits }: ApprovalRequest, askedBy: string): string[] {
  const rows = rowsWritten === 1 ? 'one row or index entry' : `${rowsWritten} rows and index entries`
  const notes = hits.flatMap(({ note }) => (note === null ? [] : [escapeHtml(note)]))
  return [
    `<strong>${escapeHtml(askedBy)}</strong> asks to run:`,
    ...statements.map(
      ({ sql, params }) =>
        `<pre tabindex="0"><code>${escapeHtml(sql)}</code></pre>${
          params.length > 0 ? `<p>with <code>${escapeHtml(JSON.stringify(params))}</code></p>` : ''
        }`,
    ),
    `It writes to ${tables.map((table) => `<code>${escapeHtml(table)}</code>`).join(', ')}. Tried out, it wrote ${rows}.`,
    ...notes.map((note) => `<p class="warning">${note}</p>`),
    `<p class="quiet">It can be decided until <time datetime="${escapeHtml(expiresAt)}">${utc(expiresAt)}</time>.</p>`,
  ]
}

/** A moment for people: pages without script do not know their time zone. */
const utc = (moment: string) => `${moment.slice(0, 10)}, ${moment.slice(11, 16)} UTC`

async function decide(ctx: Context, token: string, raw: Request): Promise<Response> {
  const account = await authenticateAccount(ctx)
  const { namespace } = approvalAddress(token)
  const form = new URLSearchParams(await readBody(raw, MAX_BODY, ctx.settings))
  const subject = { userId: account.userId, query: `/approve/${token}`, namespace }
  if (!(await isSigned(ctx.env, subject, form.get('state') ?? ''))) throw new PerSQLError('oauth_form_expired')
  const decision = form.get('decision')
  if (decision !== 'approve' && decision !== 'deny') {
    throw new PerSQLError('invalid_input', { problem: 'Approve or deny.' })
  }
  const given = { token, note: form.get('note')?.trim().slice(0, 500) || undefined }
  const { status } = await (decision === 'approve' ? approvals.approve_request : approvals.deny_request)(given, {
    ...ctx,
    account,
  })
  return page(status === 'approved' ? 'Approved' : 'Denied', [
    STANDS[status],
    '<p><a href="/">Go to the console</a></p>',
  ])
}
