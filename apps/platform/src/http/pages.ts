import { isSlug } from '@persql/contract'
import { Hono } from 'hono'
import type { Env } from '../env.ts'
import { approvePage } from './approve-page.ts'
import { invitePage } from './invite-page.ts'
import { page } from './page.ts'

const TO_CONSOLE = '<p><a href="/">Go to the console</a></p>'

/** The @ keeps namespaces apart whose names are addresses of something else. */
const toBilling = (namespace: string, paid = '') =>
  `<p><a href="/@${namespace}/settings/billing${/^\w+$/.test(paid) ? `?paid=${paid}` : ''}">Go to billing</a></p>`

/** The pages that links in mail, and Stripe, lead to. They run no script and load nothing. */
export function pages(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()

  app.get('/billing', (c) => {
    const { namespace = '', paid } = c.req.query()
    const onward = isSlug(namespace) ? toBilling(namespace, paid) : TO_CONSOLE
    return paid === undefined
      ? page('Nothing was paid', ['The payment page was left. It can be opened again for a day.', onward])
      : page('Thank you', ['The balance is filled as soon as the payment is confirmed, which takes a moment.', onward])
  })
  app.route('/', invitePage())
  app.route('/', approvePage())
  return app
}
