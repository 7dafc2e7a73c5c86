import { Hono } from 'hono'
import { contextOf } from '../context.ts'
import { approvalAddress } from '../database/approvals/tokens.ts'
import type { Env } from '../env.ts'
import { invitationNamespace } from '../operations/members.ts'
import { escapeHtml, page } from './page.ts'

/** The pages that links in mail, and Stripe, lead to. They run no script and load nothing. */
export function pages(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()

  app.get('/billing', (c) =>
    c.req.query('paid') === undefined
      ? page('Nothing was paid', ['The payment page was left. It can be opened again for a day.'])
      : page('Thank you', ['The balance is filled as soon as the payment is confirmed, which takes a moment.']),
  )

  app.get('/invite/:token', (c) => {
    const token = c.req.param('token')
    // Only what has the shape of an invitation gets into the page.
    const namespace = invitationNamespace(token)
    const baseUrl = escapeHtml(contextOf(c.req.raw, c.env).baseUrl)
    return page(`You are invited to ${namespace}`, [
      'Sign up or sign in, then accept the invitation. It works once.',
      `<code>curl -c jar ${baseUrl}/api/auth/sign-in/email -H 'Content-Type: application/json' -d '{"email": "…", "password": "…"}'</code>`,
      `<code>curl -b jar -X POST ${baseUrl}/api/invitations/${token}/accept</code>`,
    ])
  })

  app.get('/approve/:token', (c) => {
    const token = c.req.param('token')
    // Only what has the shape of such a token gets into the page.
    const { namespace, slug } = approvalAddress(token)
    const baseUrl = escapeHtml(contextOf(c.req.raw, c.env).baseUrl)
    const call = `${baseUrl}/api/approvals/${token}`
    return page(`A write to ${namespace}/${slug} waits for you`, [
      'Sign in, look at what is to be done, then approve or deny it. Editors of the database can, for half an hour.',
      `<code>curl -c jar ${baseUrl}/api/auth/sign-in/email -H 'Content-Type: application/json' -d '{"email": "…", "password": "…"}'</code>`,
      `<code>curl -b jar ${call}</code>`,
      `<code>curl -b jar -X POST ${call}/approve</code>`,
      `<code>curl -b jar -X POST ${call}/deny</code>`,
    ])
  })
  return app
}
