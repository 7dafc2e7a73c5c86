import { PerSQLError } from '@persql/sdk'
import { MutationCache, QueryCache, QueryClient } from '@tanstack/react-query'
import { noteEmptyBalance } from '../shell/empty-balance.ts'
import { toLogin } from '../shell/sign-in.ts'

/** Looks at every failure once, wherever it happened; to be told of those that no hook sees. */
export function onError(error: unknown): void {
  if (!(error instanceof PerSQLError)) return
  if (error.code === 'not_signed_in') toLogin()
  if (error.status !== 402) return
  noteEmptyBalance()
  void queryClient.invalidateQueries({ queryKey: ['GET /api/namespaces/{ns}/billing'] })
}

/** What the console knows of the server. The SDK repeats calls, so nothing is repeated here. */
export const queryClient = new QueryClient({
  queryCache: new QueryCache({ onError: onError }),
  mutationCache: new MutationCache({ onError: onError }),
  defaultOptions: { queries: { retry: false, staleTime: 10_000 }, mutations: { retry: false } },
})
