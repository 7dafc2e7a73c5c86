import { useQuery } from '@tanstack/react-query'
import { callAuth } from '../api/client.ts'

/** Returns a query for the signed-in user. */
export const useAccount = () =>
  useQuery({
    queryKey: ['account'],
    queryFn: () => callAuth<{ user: { id: string; email: string; name: string } } | null>('get-session'),
    staleTime: 300_000,
  })
