import { usd } from '../money.ts'

/** What owners are told before the balance is used up. */
export function lowBalanceMail(slug: string, balanceNano: number, baseUrl: string | undefined) {
  const left = `$${usd(Math.max(0, balanceNano)).toFixed(2)}`
  const where = baseUrl ? `Add funds: ${baseUrl}/billing?namespace=${slug}` : 'Add funds on the billing page.'
  return {
    subject: `${slug}: ${left} left on PerSQL`,
    text: `The balance of the namespace "${slug}" is down to ${left}.

When it is used up, requests are answered with 402 until funds are added. Your data stays as it is.

${where}

You will not be reminded again before the next top-up.
`,
  }
}
