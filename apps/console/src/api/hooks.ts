import { keepPreviousData, useMutation, useQuery } from '@tanstack/react-query'
import { type CallInput, type CallOutput, call, type Route } from './client.ts'
import { queryClient } from './query-client.ts'
import { runOnce } from './run-once.ts'

interface QueryOptions {
  /** `false` waits. */
  enabled?: boolean
  /** Milliseconds between looks, for what changes by itself. */
  refetchInterval?: number | false
  /** Shows what was answered to the input before (`isPlaceholderData`) until the new answer is there. */
  keepsBefore?: boolean
}

/** What a route answers, kept while it is fresh and fetched anew when somebody comes back to it. */
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

/** Does what a route does; afterwards everything known by the routes in `changes` is fetched anew. */
export const useApiMutation = <R extends Route>(route: R, changes: readonly Route[] = []) =>
  useMutation<CallOutput<R>, Error, CallInput<R>>({
    // A button learns a turn later that it is busy, and a double click is faster than that.
    mutationFn: (input) => runOnce(JSON.stringify([route, input]), () => call(route, input)),
    onSuccess: () =>
      Promise.all(changes.map((changed) => queryClient.invalidateQueries({ queryKey: [changed] }))) as Promise<unknown>,
  })
