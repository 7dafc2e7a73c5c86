import { type ApprovalRequest, PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import type { Account } from '../../accounts/auth.ts'
import { authenticateAccount } from '../../api/authenticate.ts'
import { assertRoomForOperation } from '../../api/disk-rules.ts'
import { directoryObject } from '../../api/objects.ts'
import { approvals } from '../../api/operations/approvals.ts'
import { type Context, getContext } from '../../context.ts'
import { approvalAddress } from '../../database/review/approvals/tokens.ts'
import type { Env } from '../../env.ts'
import { readBody } from '../rest/body.ts'
import { withErrorPage } from './error-page.ts'
import { isSigned, signForm } from './form-state.ts'
import { escapeHtml, page } from './html-page.ts'
import { getSignedInAccount, hidden, signInLinks, switchAccountForm } from './sign-in-blocks.ts'

const MAX_BODY = 64 * 1024
const STANDS = {
  pending: 'Pending. Nothing has been written.',
  approved: 'Approved. The requester can now run it once.',
  denied: 'Denied. Nothing was written.',
  expired: 'Expired. Nothing was written. Ask the requester to submit the request again.',
  redeemed: 'Approved. The write has run.',
}

/** Returns the page of an approval link: the request, and buttons to approve or deny it. */
export function approvePage(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/approve/:token', (c) => {
    const token = c.req.param('token')
    const ctx = getContext(c.req.raw, c.env)
    return withErrorPage(ctx.requestId, () => ask(ctx, token))
  })
  app.post('/approve/:token', (c) => {
    const ctx = getContext(c.req.raw, c.env)
    return withErrorPage(ctx.requestId, () => decide(ctx, c.req.param('token'), c.req.raw))
  })
  return app
}

async function ask(ctx: Context, token: string): Promise<Response> {
  // Validate the token first: only a well-formed token is written into the page.
  const { namespace, slug } = approvalAddress(token)
  const title = `Approval request for ${namespace}/${slug}`
  const account = await getSignedInAccount(ctx)
  if (account) return requestPage(ctx, account, token)
  return page(title, [
    'Sign in to review this request. Editors of the database can approve or deny it.',
    signInLinks(`/approve/${token}`),
  ])
}

async function requestPage(ctx: Context, account: Account, token: string): Promise<Response> {
  const request = await approvals.get_approval_request({ token }, { ...ctx, account })
  const blocks = createBlocks(request, await fetchActorName(ctx, request.askedBy))
  const path = `/approve/${token}`
  const address = `${request.namespaceSlug}/${request.databaseSlug}`
  if (request.status !== 'pending') return page(`Approval request for ${address}`, [...blocks, STANDS[request.status]])
  const subject = { userId: account.userId, query: path, namespace: request.namespaceSlug }
  const form = `<form method="post" action="${path}">${hidden('state', await signForm(ctx.env, subject))}
    <label>Note (optional) <input name="note" maxlength="500"></label>
    <p class="actions"><button name="decision" value="approve">Approve</button>
    <button class="plain" name="decision" value="deny">Deny</button></p></form>`
  return page(`Approval request for ${address}`, [...blocks, form, switchAccountForm(account.email, path)], {
    formAction: "'self'",
  })
}

/** Returns the requester's name: the email address of a user, or the ID of a token. */
async function fetchActorName(ctx: Context, actor: string): Promise<string> {
  const [kind, id = ''] = actor.split(':')
  if (kind !== 'user') return actor
  const [person] = await directoryObject(ctx.env).people([id])
  return person?.email ?? actor
}

function createBlocks(
  { statements, tables, rowsWritten, expiresAt, hits }: ApprovalRequest,
  askedBy: string,
): string[] {
  const rows = rowsWritten === 1 ? '1 row or index entry' : `${rowsWritten.toLocaleString('en')} rows and index entries`
  const notes = hits.flatMap(({ note }) => (note === null ? [] : [escapeHtml(note)]))
  return [
    `<strong>${escapeHtml(askedBy)}</strong> wants to run:`,
    ...statements.map(
      ({ sql, params }) =>
        `<pre tabindex="0"><code>${escapeHtml(sql)}</code></pre>${
          Object.keys(params).length > 0
            ? `<p>with parameters <code>${escapeHtml(JSON.stringify(params))}</code></p>`
            : ''
        }`,
    ),
    `Writes to ${tables.map((table) => `<code>${escapeHtml(table)}</code>`).join(', ')}. A dry run wrote ${rows}.`,
    ...notes.map((note) => `<p class="warning">${note}</p>`),
    `<p class="quiet">Expires <time datetime="${escapeHtml(expiresAt)}">${utc(expiresAt)}</time>.</p>`,
  ]
}

/** Formats a time in UTC, because a page without script doesn't know the user's time zone. */
const utc = (moment: string) => `${dates.format(new Date(moment))} UTC`
const dates = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

async function decide(ctx: Context, token: string, raw: Request): Promise<Response> {
  assertRoomForOperation('approve_request')
  const account = await authenticateAccount(ctx)
  const { namespace } = approvalAddress(token)
  const form = new URLSearchParams(await readBody(raw, MAX_BODY, ctx.settings))
  const subject = { userId: account.userId, query: `/approve/${token}`, namespace }
  if (!(await isSigned(ctx.env, subject, form.get('state') ?? '')))
    throw new PerSQLError('oauth_form_expired', { instead: 'Open the approval link again.' })
  const decision = form.get('decision')
  if (decision !== 'approve' && decision !== 'deny') {
    throw new PerSQLError('invalid_input', { problem: 'Choose Approve or Deny.' })
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
