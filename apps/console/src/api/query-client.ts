import { PerSQLError } from '@persql/sdk'
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'

/** The app's reactions to failures that concern every page. */
interface Reactions {
  readonly notSignedIn: () => void
  readonly emptyBalance: () => void
}

let reactions: Reactions | undefined

/** Sets what happens on failures that concern every page. */
export function reactToFailures(to: Reactions): void {
  reactions = to
}

/** Handles the failure of a call. Code that calls a route without a hook must pass its failures here. */
export function onError(error: unknown): void {
  if (!(error instanceof PerSQLError)) return
  if (error.code === 'not_signed_in') reactions?.notSignedIn()
  if (error.status !== 402) return
  reactions?.emptyBalance()
  void queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/billing'] })
}

/** The cache of server data. It doesn't retry, because the SDK does. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError }),
  mutationCache: new MutationCache({ onError }),
  defaultOptions: { queries: { retry: false, staleTime: 10_000 }, mutations: { retry: false } },
})
