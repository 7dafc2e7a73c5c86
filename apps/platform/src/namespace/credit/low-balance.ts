import type { Env } from '../../env.ts'
import { mailOf } from '../../integrations/mail.ts'
import { usd } from '../../money.ts'
import { settingsOf } from '../../settings.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { balance, lowNano } from './credit-account.ts'

const WARNED = 'warned'
const MAILED = 'warned-owners'
const RETRY_MS = 5 * 60 * 1000

/** The parts of a namespace that a warning is written from. */
export interface LowBalanceOptions {
  readonly kv: SyncKvStorage
  readonly env: Env
  readonly slug: () => string
  readonly ledger: () => Ledger
  /** Returns the email addresses of the owners. */
  readonly owners: () => Promise<readonly string[]>
  /** Has `warn` called at that time. */
  readonly warnAt: (atMs: number) => void
}

/** Has the owners warned once when the balance falls below a tenth of the last top-up, or half a dollar. */
export class LowBalance {
  readonly #options: LowBalanceOptions
  readonly #kv: SyncKvStorage
  #warned: boolean

  constructor(options: LowBalanceOptions) {
    this.#options = options
    this.#kv = options.kv
    this.#warned = options.kv.get<boolean>(WARNED) ?? false
  }

  /** Looks at the balance, in the transaction in which it changed. */
  check(nowMs: number): void {
    const ledger = this.#options.ledger()
    if (this.#warned || balance(ledger.account) >= lowNano(ledger.lastTopUpNano())) return
    this.#set(true)
    this.#options.warnAt(nowMs)
  }

  /** To be called when the balance was filled. */
  rearm(): void {
    this.#set(false)
    this.#kv.delete(MAILED)
  }

  /** Mails every owner who was not mailed yet; what the mail server does not take is tried again. */
  async warn(nowMs: number): Promise<void> {
    const { env, slug, ledger, owners, warnAt } = this.#options
    const addresses = await owners()
    const mail = mailOf(env)
    if (!mail || !this.#warned) return
    const message = lowBalanceMail(slug(), balance(ledger().account), settingsOf(env).url)
    const mailed = this.#kv.get<string[]>(MAILED) ?? []
    for (const to of addresses) {
      if (mailed.includes(to)) continue
      try {
        await mail.send({ ...message, to })
      } catch {
        // Logged where it failed.
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

/** The mail to the owners of a namespace whose balance is low. */
function lowBalanceMail(slug: string, balanceNano: number, baseUrl: string | undefined) {
  const left = `$${usd(Math.max(0, balanceNano)).toFixed(2)}`
  const where = baseUrl ? `Add funds: ${baseUrl}/billing?namespace=${slug}` : 'Add funds on the billing page.'
  return {
    subject: `Low balance on ${slug}: ${left} left`,
    text: `The balance of your namespace "${slug}" is down to ${left}.

When it runs out, requests return 402 until you add funds. Your data is kept.

${where}

We won't remind you again until your next top-up.
`,
  }
}
