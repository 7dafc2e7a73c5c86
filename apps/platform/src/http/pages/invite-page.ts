import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import { authenticateAccount } from '../../api/authenticate.ts'
import { assertRoomForOperation } from '../../api/disk-rules.ts'
import { directoryObject } from '../../api/objects.ts'
import { accounts } from '../../api/operations/accounts.ts'
import { invitationNamespace, type OpenInvitation, openInvitation, withArticle } from '../../api/operations/members.ts'
import { type Context, getContext } from '../../context.ts'
import type { Env } from '../../env.ts'
import { readBody } from '../rest/body.ts'
import { withErrorPage } from './error-page.ts'
import { isSigned, signForm } from './form-state.ts'
import { escapeHtml, page } from './html-page.ts'
import { getSignedInAccount, hidden, signInLinks, switchAccountForm } from './sign-in-blocks.ts'

const MAX_BODY = 16 * 1024

/** Returns the page of an invitation link: who invites, and a button to accept. */
export function invitePage(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/invite/:token', (c) => {
    const token = c.req.param('token')
    const ctx = getContext(c.req.raw, c.env)
    return withErrorPage(ctx.requestId, () => ask(ctx, token))
  })
  app.post('/invite/:token', (c) => {
    const ctx = getContext(c.req.raw, c.env)
    return withErrorPage(ctx.requestId, () => accept(ctx, c.req.param('token'), c.req.raw))
  })
  return app
}

async function ask(ctx: Context, token: string): Promise<Response> {
  // Validate the token first: only a well-formed token is written into the page.
  const namespace = invitationNamespace(token)
  // Check first, so that no visitor creates an account for an expired invitation.
  const invitation = await openInvitation(ctx.env, token)
  const intro = `${await describeInviter(ctx, invitation)} to join the namespace <strong>${namespace}</strong> as <strong>${withArticle(invitation.role)}</strong>.`
  const account = await getSignedInAccount(ctx)
  const title = `Join ${namespace} on PerSQL`
  const path = `/invite/${token}`
  if (!account) {
    return page(title, [
      intro,
      'Sign in or create an account to accept this invitation. It works once.',
      signInLinks(path),
    ])
  }
  const state = await signForm(ctx.env, { userId: account.userId, query: path, namespace })
  return page(
    title,
    [
      intro,
      'Accept the invitation to get access to the databases of the namespace. You can leave at any time.',
      `<form method="post" action="${path}" class="actions">${hidden('state', state)}<button>Accept invitation</button></form>`,
      switchAccountForm(account.email, path),
    ],
    { formAction: "'self'" },
  )
}

/** Returns the start of the sentence that names the inviter. */
async function describeInviter(ctx: Context, { invitedBy = '' }: OpenInvitation): Promise<string> {
  if (invitedBy === 'operator') return 'The operator of this instance invited you'
  const id = /^user:(.+)$/.exec(invitedBy)?.[1]
  const [inviter] = id === undefined ? [] : await directoryObject(ctx.env).people([id])
  if (!inviter) return "You've been invited"
  const { name, email } = inviter
  const address = name === '' || name === email ? '' : ` (${escapeHtml(email)})`
  return `<strong>${escapeHtml(name || email)}</strong>${address} invited you`
}

async function accept(ctx: Context, token: string, request: Request): Promise<Response> {
  assertRoomForOperation('accept_invitation')
  const account = await authenticateAccount(ctx)
  const namespace = invitationNamespace(token)
  const form = new URLSearchParams(await readBody(request, MAX_BODY, ctx.settings))
  const subject = { userId: account.userId, query: `/invite/${token}`, namespace }
  if (!(await isSigned(ctx.env, subject, form.get('state') ?? '')))
    throw new PerSQLError('oauth_form_expired', { instead: 'Open the invitation link again.' })
  await accounts.accept_invitation({ token }, { ...ctx, account })
  return new Response(null, { status: 303, headers: { Location: `/${namespace}`, 'Cache-Control': 'no-store' } })
}
