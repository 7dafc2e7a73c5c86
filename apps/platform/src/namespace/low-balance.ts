import type { Env } from '../env.ts'
import { usd } from '../money.ts'
import { mailOf } from '../ports/mail.ts'
import { settingsOf } from '../settings.ts'
import { lowNano } from './account.ts'

const WARNED = 'warned'
const MAILED = 'warned-owners'
const RETRY_MS = 5 * 60 * 1000

/** Has the owners warned once when the balance falls below a tenth of the last top-up, or half a dollar. */
export class LowBalance {
  readonly #kv: SyncKvStorage
  readonly #env: Env
  readonly #wake: (atMs: number) => void
  #warned: boolean

  /** `wake` has `warn` called at a moment. */
  constructor(kv: SyncKvStorage, env: Env, wake: (atMs: number) => void) {
    this.#kv = kv
    this.#env = env
    this.#wake = wake
    this.#warned = kv.get<boolean>(WARNED) ?? false
  }

  check(balanceNano: number, lastTopUpNano: number, nowMs: number): void {
    if (this.#warned || balanceNano >= lowNano(lastTopUpNano)) return
    this.#set(true)
    this.#wake(nowMs)
  }

  /** To be called when the balance was filled. */
  rearm(): void {
    this.#set(false)
    this.#kv.delete(MAILED)
  }

  /** Mails every owner who was not mailed yet; what the mail server does not take is tried again. */
  async warn(slug: string, balanceNano: number, owners: readonly string[], nowMs: number): Promise<void> {
    const mail = mailOf(this.#env)
    if (!mail || !this.#warned) return
    const message = lowBalanceMail(slug, balanceNano, settingsOf(this.#env).url)
    const mailed = this.#kv.get<string[]>(MAILED) ?? []
    for (const to of owners) {
      if (mailed.includes(to)) continue
      try {
        await mail.send({ ...message, to })
      } catch {
        // Logged where it failed.
        this.#wake(nowMs + RETRY_MS)
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

/** What owners are told before the balance is used up. */
function lowBalanceMail(slug: string, balanceNano: number, baseUrl: string | undefined) {
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
