import { ADDRESS_HEADER, authOf } from '../accounts/auth.ts'
import { clientAddress, contextOf } from '../context.ts'
import type { Env } from '../env.ts'

/** Better Auth's routes: sign-up, sign-in, sign-out, verification, password reset, GitHub and Google. */
export function answerAuth(request: Request, env: Env): Promise<Response> {
  const { baseUrl, settings } = contextOf(request, env)
  const headers = new Headers(request.headers)
  headers.set(ADDRESS_HEADER, clientAddress(request, settings))
  // No browser: it would say at least one of these. The library takes other programs for browsers that hide theirs.
  if (!headers.has('Origin') && !headers.has('Sec-Fetch-Site')) headers.set('Origin', new URL(baseUrl).origin)
  return authOf(env, baseUrl).handler(new Request(request, { headers }))
}
