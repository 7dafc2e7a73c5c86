import { isSlug } from '@persql/contract'
import { Hono } from 'hono'
import type { Env } from '../../env.ts'
import { approvePage } from './approve-page.ts'
import { page } from './html-page.ts'
import { invitePage } from './invite-page.ts'

const TO_CONSOLE = '<p><a href="/">Go to the console</a></p>'

/** The @ distinguishes namespaces from other paths with the same name. */
const toBilling = (namespace: string, paid = '') =>
  `<p><a href="/@${namespace}/settings/billing${/^\w+$/.test(paid) ? `?paid=${paid}` : ''}">Go to billing</a></p>`

/** Returns the pages for links in emails and for Stripe. They run no script and load nothing. */
export function pages(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()

  app.get('/billing', (c) => {
    const { namespace = '', paid } = c.req.query()
    const onward = isSlug(namespace) ? toBilling(namespace, paid) : TO_CONSOLE
    return paid === undefined
      ? page('Payment canceled', [
          "You left the payment page and weren't charged. To pay, start again on the billing page.",
          onward,
        ])
      : page('Thank you', ['Your balance updates once the payment is confirmed, usually within a minute.', onward])
  })
  app.route('/', invitePage())
  app.route('/', approvePage())
  return app
}
