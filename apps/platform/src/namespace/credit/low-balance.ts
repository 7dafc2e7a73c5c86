import type { Env } from '../../env.ts'
import { createMailer } from '../../integrations/mail.ts'
import { usd } from '../../money.ts'
import { getSettings } from '../../settings.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { balance, lowNano } from './credit-account.ts'

const WARNED = 'warned'
const MAILED = 'warned-owners'
const RETRY_MS = 5 * 60 * 1000

/** The services that the low balance warning depends on. */
export interface LowBalanceOptions {
  readonly kv: SyncKvStorage
  readonly env: Env
  readonly slug: () => string
  readonly ledger: () => Ledger
  /** Returns the email addresses of the owners. */
  readonly owners: () => Promise<readonly string[]>
  /** Schedules a call of `warn`. */
  readonly warnAt: (atMs: number) => void
}

/** Warns the owners once when the balance falls below a tenth of the last top-up, or below $0.50. */
export class LowBalance {
  readonly #options: LowBalanceOptions
  readonly #kv: SyncKvStorage
  #warned: boolean

  constructor(options: LowBalanceOptions) {
    this.#options = options
    this.#kv = options.kv
    this.#warned = options.kv.get<boolean>(WARNED) ?? false
  }

  /** Checks the balance. Call it in the transaction that changes the balance. */
  check(nowMs: number): void {
    const ledger = this.#options.ledger()
    if (this.#warned || balance(ledger.account) >= lowNano(ledger.lastTopUpNano())) return
    this.#set(true)
    this.#options.warnAt(nowMs)
  }

  /** Enables the next warning. Call it after funds were added. */
  rearm(): void {
    this.#set(false)
    this.#kv.delete(MAILED)
  }

  /** Sends the warning to every owner who hasn't received it. Schedules a retry if the mail server fails. */
  async warn(nowMs: number): Promise<void> {
    const { env, slug, ledger, owners, warnAt } = this.#options
    const addresses = await owners()
    const mail = createMailer(env)
    if (!mail || !this.#warned) return
    const message = lowBalanceMail(slug(), balance(ledger().account), getSettings(env).url)
    const mailed = this.#kv.get<string[]>(MAILED) ?? []
    for (const to of addresses) {
      if (mailed.includes(to)) continue
      try {
        await mail.send({ ...message, to })
      } catch {
        // The mail integration has logged the error.
        warnAt(nowMs + RETRY_MS)
        return
      }
      mailed.push(to)
      this.#kv.put(MAILED, mailed)
    }
  }

  #set(warned: boolean): void {
    this.#warned = warned
    this.#kv.put(WARNED, warned)
  }
}

/** Returns the mail to the owners of a namespace with a low balance. */
function lowBalanceMail(slug: string, balanceNano: number, baseUrl: string | undefined) {
  const left = `$${usd(Math.max(0, balanceNano)).toFixed(2)}`
  const where = baseUrl ? `Add funds: ${baseUrl}/billing?namespace=${slug}` : 'Add funds on the billing page.'
  return {
    subject: `Low balance on ${slug}: ${left} left`,
    text: `The balance of your namespace "${slug}" is down to ${left}.

When the balance runs out, requests are refused with HTTP status 402 until you add funds. Your data is kept.

${where}

You get the next warning only after funds were added and the balance falls again.
`,
  }
}
