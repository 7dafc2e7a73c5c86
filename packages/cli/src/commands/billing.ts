import { usage as misused } from '../cli-error.ts'
import { type Command, command } from '../command.ts'
import { money, size, table } from '../format-output.ts'

type Spend = Record<string, { quantity: number; costUsd: number }>

const meters = (spend: Spend) =>
  table(
    ['meter', 'quantity', 'cost'],
    Object.entries(spend).map(([meter, { quantity, costUsd }]) => [meter, quantity, money(costUsd)]),
  )

const topup = command({
  path: 'topup',
  summary: 'Create a payment page to add funds and print its URL',
  args: { usd: { help: 'Amount in US dollars' } },
  async run(ctx, { args }) {
    const json = await (await ctx.persql()).billing.topUp(parseUsd(args.usd))
    return { json, text: json.url }
  },
})

const transfer = command({
  path: 'transfer',
  summary: 'Move balance to another namespace that you own',
  args: {
    namespace: { help: 'Namespace that receives the amount' },
    usd: { help: 'Amount in US dollars' },
  },
  options: {
    'idempotency-key': { help: 'Idempotency key: repeated calls with the same key move the amount once', value: 'key' },
  },
  async run(ctx, { args, options }) {
    const transferred = { to: args.namespace, amountUsd: parseUsd(args.usd) }
    const key = options['idempotency-key']
    const how = key === undefined ? {} : { idempotencyKey: key }
    const json = await (await ctx.persql()).billing.transfer(transferred, how)
    return { json, text: `${money(json.amountUsd)} to ${json.to}: ${json.status}. Balance ${money(json.balanceUsd)}` }
  },
})

/** @throws CliError for text that isn't an amount */
function parseUsd(text: string): number {
  const amount = Number(text.replace(/^\$/, ''))
  if (Number.isFinite(amount)) return amount
  throw misused(`Invalid amount "${text}". Expected US dollars, such as 25.`)
}

const usage = command({
  path: 'usage',
  summary: 'Show usage by meter and by database',
  options: {
    from: { help: 'First day, for example 2026-11-01', value: 'day' },
    to: { help: 'Last day', value: 'day' },
  },
  async run(ctx, { options: { from, to } }) {
    const query = new URLSearchParams({ ...(from && { from }), ...(to && { to }) })
    const json = await (await ctx.persql()).request<{
      spend: Spend
      costUsd: number
      databases: { slug: string; requests: number; rowsRead: number; rowsWritten: number; costUsd: number }[]
    }>('GET', `/v1/usage?${query}`)
    const databases = table(
      ['database', 'requests', 'rows read', 'rows written', 'cost'],
      json.databases.map((one) => [one.slug, one.requests, one.rowsRead, one.rowsWritten, money(one.costUsd)]),
    )
    return { json, text: `${meters(json.spend)}\n\n${databases}\n\nTotal ${money(json.costUsd)}` }
  },
})

const billing = command({
  path: 'billing',
  summary: 'Show the balance, spend and ledger',
  async run(ctx) {
    const json = await (await ctx.persql()).billing.get()
    const ledger = json.ledger as { at: string; kind: string; amountUsd: number; balanceUsd: number }[]
    const entries = table(
      ['at', 'kind', 'amount', 'balance'],
      ledger.map(({ at, kind, amountUsd, balanceUsd }) => [at, kind, money(amountUsd), money(balanceUsd)]),
    )
    return { json, text: `Balance ${money(json.balanceUsd)}\n\n${meters(json.spend as Spend)}\n\n${entries}` }
  },
})

const quotas = command({
  path: 'quotas',
  summary: 'Show the quotas of the namespace and their use',
  async run(ctx) {
    const json = await (await ctx.persql()).billing.quotas()
    const rows = json.map(({ name, scope, unit, limit, used, database }) => {
      const shown = (value: number | null) => (value !== null && unit === 'bytes' ? size(value) : value)
      return [name, `per ${scope}`, shown(used) ?? '', database ?? '', shown(limit)]
    })
    return { json, text: table(['quota', 'scope', 'used', 'by', 'limit'], rows) }
  },
})

export const billingCommands: Command[] = [topup, transfer, usage, billing, quotas]
