import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import { authenticateAccount } from '../authenticate.ts'
import { type Context, contextOf } from '../context.ts'
import type { Env } from '../env.ts'
import { isSigned, signForm } from '../oauth/form-state.ts'
import { accounts } from '../operations/accounts.ts'
import { invitationNamespace, knownInvitation } from '../operations/members.ts'
import { readBody } from './body.ts'
import { page } from './page.ts'
import { shown } from './shown.ts'
import { asSomebodyElse, hidden, signedIn, waysIn } from './signed-in.ts'

const MAX_BODY = 16 * 1024

/** Where the link of an invitation leads: signing in first, if need be, and then one button. */
export function invitePage(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/invite/:token', (c) => {
    const token = c.req.param('token')
    return shown(() => ask(contextOf(c.req.raw, c.env), token))
  })
  app.post('/invite/:token', (c) => shown(() => accept(contextOf(c.req.raw, c.env), c.req.param('token'), c.req.raw)))
  return app
}

async function ask(ctx: Context, token: string): Promise<Response> {
  // Only what has the shape of an invitation gets into the page.
  const namespace = invitationNamespace(token)
  // Nobody makes an account for an invitation that is over.
  await knownInvitation(ctx.env, token)
  const account = await signedIn(ctx)
  const title = `You are invited to ${namespace}`
  const path = `/invite/${token}`
  if (!account) {
    return page(title, ['Sign in with the account you have, or make one. Then you can accept it, once.', waysIn(path)])
  }
  const state = await signForm(ctx.env, { userId: account.userId, query: path, namespace })
  return page(
    title,
    [
      `Accept it to see the databases of <strong>${namespace}</strong>. You can leave at any time.`,
      `<form method="post" action="${path}" class="actions">${hidden('state', state)}<button>Accept the invitation</button></form>`,
      asSomebodyElse(account.email, path),
    ],
    { formAction: "'self'" },
  )
}

async function accept(ctx: Context, token: string, request: Request): Promise<Response> {
  const account = await authenticateAccount(ctx)
  const namespace = invitationNamespace(token)
  const form = new URLSearchParams(await readBody(request, MAX_BODY, ctx.settings))
  const subject = { userId: account.userId, query: `/invite/${token}`, namespace }
  if (!(await isSigned(ctx.env, subject, form.get('state') ?? ''))) throw new PerSQLError('oauth_form_expired')
  await accounts.accept_invitation({ token }, { ...ctx, account })
  return new Response(null, { status: 303, headers: { Location: `/${namespace}`, 'Cache-Control': 'no-store' } })
}
