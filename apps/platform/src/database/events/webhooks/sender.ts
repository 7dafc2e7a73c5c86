import type { Env } from '../../../env.ts'
import type { Send } from './deliver.ts'
import { isLoopback } from './validate-url.ts'

/**
 * Returns the function that sends webhooks, through a network that reaches only public IP addresses, so no hostname can
 * lead to a private one.
 */
export function webhookSender({ PUBLIC_NETWORK: network }: Env, dev: boolean): Send {
  return (url, init) => (network && !(dev && isLoopback(new URL(url))) ? network.fetch(url, init) : fetch(url, init))
}
