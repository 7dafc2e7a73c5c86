import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPlatform } from '../harness.ts'
import { sharedPlatform } from '../shared-platform.ts'
import { StripeDouble } from '../stripe-double.ts'
import { findFaults } from './axe.ts'
import { readDownload } from './read-download.ts'
import { useConsole } from './use-console.ts'
import { visit } from './visit.ts'

const stripe = new StripeDouble()
beforeAll(async () => void (await stripe.start()))
afterAll(() => {
  stripe.stop()
  expect(stripe.complaints).toEqual([])
})
const app = useConsole(() =>
  startPlatform({
    environment: { ...stripe.environment, PERSQL_WELCOME_CREDIT_USD: '0', PERSQL_MAX_NAMESPACES: '2' },
  }),
)

/** Returns Stripe's event for a paid session. */
function paid(id: string) {
  const { form } = stripe.session(id)
  return stripe.event('checkout.session.completed', {
    id,
    object: 'checkout.session',
    mode: 'payment',
    payment_status: 'paid',
    currency: 'usd',
    amount_total: Number(form.get('line_items[0][price_data][unit_amount]')),
    payment_intent: `pi_${id}`,
    metadata: { namespace: form.get('metadata[namespace]'), topup: form.get('metadata[topup]') },
  })
}

test('with an empty balance a banner leads to funds; once they are paid for, it is gone and calls work again', async () => {
  const { page, ns, go, session, close } = await app.visit()
  const asked = async () =>
    (await session.request(`/api/namespaces/${ns}/databases/main/query`, { body: { sql: 'SELECT 1' } })).status
  expect(await asked()).toBe(402)
  await go(`/${ns}`)
  await page.getByRole('alert').getByRole('link', { name: 'Add funds' }).click()
  await page.waitForURL('**/settings/billing')
  await page.getByText('Requests are refused until you add funds.').first().waitFor()
  expect(await findFaults(page)).toEqual([])

  await page.route('https://checkout.stripe.test/**', (route) =>
    route.fulfill({ contentType: 'text/html', body: '<h1>Pay</h1>' }),
  )
  await page.getByRole('button', { name: '$50', exact: true }).click()
  await page.getByRole('button', { name: 'Continue to payment' }).click()
  await page.waitForURL('https://checkout.stripe.test/**')
  const [checkout] = [...stripe.sessions.values()].slice(-1)
  if (!checkout) throw new Error('No payment page was opened.')
  expect(checkout.form.get('line_items[0][price_data][unit_amount]')).toBe('5000')

  await page.goto(checkout.form.get('success_url') ?? '')
  await page.getByRole('link', { name: 'Go to billing' }).click()
  await page.getByText('Your balance updates once the payment is confirmed').first().waitFor()
  const { body, headers } = paid(checkout.id)
  expect((await app.platform.request('/api/stripe/webhook', { body, headers })).status).toBe(200)
  await page.getByText('Payment received and added to your balance.').first().waitFor()
  await page.getByRole('row', { name: /Top-up/ }).waitFor()
  await page.getByText('$50.00').first().waitFor()
  expect(await page.getByText('Your balance is empty').count()).toBe(0)

  expect(await asked()).toBe(200)
  await close()
})

test('shows spend by day and meter with a forecast and a table; saves the ledger as CSV', async () => {
  const { page, ns, go, complaints, close } = await app.visit()
  await app.platform.request(`/api/operator/namespaces/${ns}/credit`, {
    token: app.platform.secret,
    body: { amountUsd: 1, note: 'gift', ref: 'gift-1' },
  })
  const { db } = await app.platform.createNamespace(ns)
  const today = () => new Date().toISOString().slice(0, 10)
  const began = today()
  await db().query('CREATE TABLE t (n)')
  for (let number = 0; number < 20; number++) await db().query('INSERT INTO t VALUES (?)', [number])
  await go(`/${ns}/settings/billing`)
  await page
    .getByText(/7-day average/)
    .first()
    .waitFor()
  expect(await page.getByRole('region', { name: 'Spend by meter' }).textContent()).toMatch(/Rows written2\d/)
  await page.getByRole('img', { name: /Daily spend/ }).waitFor()
  await page.getByText('View as table').click()
  // Midnight can be in between.
  const days = new RegExp(`${began}|${today()}`)
  const row = page.getByRole('region', { name: 'Spend by day' }).getByRole('row', { name: days })
  expect(await row.first().textContent()).toMatch(/\$0\.00\d+/)
  expect(await findFaults(page)).toEqual([])
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ])
  expect(file.suggestedFilename()).toBe(`${ns}-ledger.csv`)
  const csv = await readDownload(file)
  expect(csv).toMatch(/^id,at,kind,amount_usd,balance_usd,ref,detail\r\n\d+,.*,adjustment,1\.000000000,1\.000000000,/)
  expect(complaints).toEqual([])
  await close()
})

test('an owner creates a second namespace, which says why it has no credit, and transfers balance to it', async () => {
  const { page, ns, go, complaints, close } = await app.visit()
  await app.platform.request(`/api/operator/namespaces/${ns}/credit`, {
    token: app.platform.secret,
    body: { amountUsd: 3, note: 'paid' },
  })
  for (const path of ['welcome', 'settings/billing']) {
    await go(`/${ns}/${path}`)
    await page.getByText('this instance gives no welcome credit').first().waitFor()
  }
  expect(await page.getByRole('button', { name: 'Transfer balance' }).count()).toBe(0)

  const dialog = page.getByRole('dialog')
  const create = async (slug: string) => {
    await page.getByRole('button', { name: 'Switch namespace' }).click()
    await page.getByRole('option', { name: 'New namespace' }).click()
    await dialog.getByLabel('Name').fill(slug)
    await dialog.getByRole('button', { name: 'Create namespace' }).click()
  }
  await create(`${ns}-2`)
  await page.waitForURL(`**/${ns}-2`)
  await page.getByText('This namespace started at $0').first().waitFor()
  await create(`${ns}-3`)
  await dialog.getByText('Your account already has 2 namespaces, which is the limit.').waitFor()
  await dialog.getByRole('button', { name: 'Cancel' }).click()

  await go(`/${ns}/settings/billing`)
  await page.getByRole('button', { name: 'Transfer balance' }).click()
  await dialog.getByText('$3.00 can be transferred.').waitFor()
  expect(await dialog.getByLabel('To').inputValue()).toBe(`${ns}-2`)
  await dialog.getByLabel('Amount (USD)').fill('1.25')
  expect(await findFaults(page)).toEqual([])
  await dialog.getByRole('button', { name: 'Transfer', exact: true }).click()
  await page.getByText(`$1.25 transferred to ${ns}-2.`).first().waitFor()
  await page.getByRole('row', { name: /^Transfer -\$1\.25 \$1\.75/ }).waitFor()
  await go(`/${ns}-2/settings/billing`)
  await page.getByRole('row', { name: /^Transfer \$1\.25 \$1\.25/ }).waitFor()
  expect(complaints).toEqual([expect.stringContaining('409')])
  await close()
})

test('where no payments are set up, the page says what to set', async () => {
  const bare = await sharedPlatform()
  const { page, ns, go, close } = await visit(app.browser, bare)
  await go(`/${ns}/settings/billing`)
  await page.getByRole('button', { name: 'Continue to payment' }).click()
  await page.getByText('STRIPE_WEBHOOK_SECRET').first().waitFor()
  const command = page.getByRole('region', { name: 'Add funds (operator)' })
  expect(await command.count()).toBe(0)
  await page.getByText('Add funds as the operator').click()
  const text = (await command.textContent()) ?? ''
  expect(text).toContain(`/api/operator/namespaces/${ns}/credit`)
  const [, body = ''] = /-d '(.*)'/.exec(text) ?? []
  const credit = { token: bare.secret, body: JSON.parse(body) }
  expect(await bare.request(`/api/operator/namespaces/${ns}/credit`, credit)).toMatchObject({ status: 200 })
  expect(await findFaults(page)).toEqual([])
  await close()
  await bare.stop()
})

test('a ledger of more than one answer is leafed through, and saved whole', async () => {
  const { page, ns, go, complaints, close } = await app.visit()
  const credit = (n: number) =>
    app.platform.request(`/api/operator/namespaces/${ns}/credit`, {
      token: app.platform.secret,
      body: { amountUsd: 1, note: `gift ${n}`, ref: `gift-${n}` },
    })
  for (let n = 1; n <= 1_010; n += 10) await Promise.all(Array.from({ length: 10 }, (_, more) => credit(n + more)))
  await go(`/${ns}/settings/billing`)
  const rows = page.getByRole('region', { name: 'Ledger' }).getByRole('row', { name: /^Adjustment/ })
  await page.getByRole('link', { name: 'Older' }).click()
  await page.waitForURL('**/settings/billing?before=*')
  await page.getByRole('cell', { name: '$990.00', exact: true }).waitFor()
  expect(await rows.count()).toBe(20)
  await page.reload()
  await page.getByRole('cell', { name: '$990.00', exact: true }).waitFor()
  await page.getByRole('link', { name: 'Newest' }).click()
  await page.getByRole('cell', { name: '$1,010.00', exact: true }).waitFor()
  await page.goBack()
  await page.getByRole('cell', { name: '$990.00', exact: true }).waitFor()
  await go(`/${ns}/settings/billing?before=1`)
  await page.getByText('No older entries.').first().waitFor()
  await go(`/${ns}/settings/billing?before=-5`)
  await page.getByRole('cell', { name: '$1,010.00', exact: true }).waitFor()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download CSV' }).click(),
  ])
  const lines = (await readDownload(file)).trim().split('\r\n').slice(1)
  expect(new Set(lines.map((line) => line.split(',')[0])).size).toBe(1_010)
  expect(complaints).toEqual([])
  await close()
})
