import { Hono } from 'hono'
import type { Env } from '../env.ts'
import { approvePage } from './approve-page.ts'
import { invitePage } from './invite-page.ts'
import { page } from './page.ts'

const TO_CONSOLE = '<p><a href="/">Go to the console</a></p>'

/** The pages that links in mail, and Stripe, lead to. They run no script and load nothing. */
export function pages(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()

  app.get('/billing', (c) =>
    c.req.query('paid') === undefined
      ? page('Nothing was paid', ['The payment page was left. It can be opened again for a day.', TO_CONSOLE])
      : page('Thank you', [
          'The balance is filled as soon as the payment is confirmed, which takes a moment.',
          TO_CONSOLE,
        ]),
  )
  app.route('/', invitePage())
  app.route('/', approvePage())
  return app
}
