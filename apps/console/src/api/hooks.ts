import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { type CallInput, type CallOutput, call, type Route } from './client.ts'
import { queryClient } from './query-client.ts'
import { runOnce } from './run-once.ts'

interface QueryOptions {
  /** `false` doesn't call the route yet. */
  enabled?: boolean
  /** Milliseconds between calls, for data that changes on the server. */
  refetchInterval?: number | false
  /** Shows the output for the previous input (`isPlaceholderData`) until the new one arrives. */
  keepsBefore?: boolean
}

/** Returns a cached query of a route. React Query refetches stale data when the window regains the focus. */
export const useApiQuery = <R extends Route>(
  route: R,
  input: CallInput<R>,
  { keepsBefore = false, ...options }: QueryOptions = {},
) =>
  useQuery<CallOutput<R>, Error>({
    queryKey: [route, input],
    queryFn: ({ signal }) => call(route, input, signal),
    ...options,
    ...(keepsBefore && { placeholderData: keepPreviousData }),
  })

/** Returns a mutation that calls a route and then refetches the data of the routes in `changes`. */
export const useApiMutation = <R extends Route>(route: R, changes: readonly Route[] = []) =>
  useMutation<CallOutput<R>, Error, CallInput<R>>({
    // A button only becomes disabled at the next render, and a double click is faster.
    mutationFn: (input) => runOnce(JSON.stringify([route, input]), () => call(route, input)),
    onSuccess: () =>
      Promise.all(changes.map((changed) => queryClient.invalidateQueries({ queryKey: [changed] }))) as Promise<unknown>,
  })
