import { PerSQLError } from '@persql/contract'
import type { Account } from '../accounts/auth.ts'
import { authenticateAccount } from '../authenticate.ts'
import type { Context } from '../context.ts'
import { escapeHtml } from './page.ts'

/** Who looks at a page, or nobody. @throws PerSQLError */
export async function signedIn(ctx: Context): Promise<Account | undefined> {
  try {
    return await authenticateAccount(ctx)
  } catch (cause) {
    if (PerSQLError.from(cause).code === 'not_signed_in') return undefined
    throw cause
  }
}

/** The ways in, each of which comes back to `back`. */
export const waysIn = (back: string): string => {
  const query = escapeHtml(new URLSearchParams({ return: back }).toString())
  return `<p class="actions"><a class="button" href="/login?${query}">Sign in</a> <a class="button plain" href="/signup?${query}">Make an account</a></p>`
}

/** Says who is signed in, and lets somebody else sign in instead and come back. */
export const asSomebodyElse = (email: string, back: string): string =>
  `<form method="post" action="/logout"><p class="quiet">You are signed in as ${escapeHtml(email)}.
    ${hidden('return', back)}<button class="link">Use another account</button></p></form>`

/** A field that travels with a form. */
export const hidden = (name: string, value: string): string =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`
