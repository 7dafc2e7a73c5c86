import { PerSQLError } from '@persql/contract'
import type { Account } from '../../accounts/auth.ts'
import { authenticateAccount } from '../../api/authenticate.ts'
import type { Context } from '../../context.ts'
import { escapeHtml } from './html-page.ts'

/** Returns the signed-in account, if any. @throws PerSQLError */
export async function getSignedInAccount(ctx: Context): Promise<Account | undefined> {
  try {
    return await authenticateAccount(ctx)
  } catch (cause) {
    if (PerSQLError.from(cause).code === 'not_signed_in') return undefined
    throw cause
  }
}

/** Returns the links to sign in and to sign up, which return to `back`. */
export const signInLinks = (back: string): string => {
  const query = escapeHtml(new URLSearchParams({ return: back }).toString())
  return `<p class="actions"><a class="button" href="/login?${query}">Sign in</a> <a class="button plain" href="/signup?${query}">Create account</a></p>`
}

/** Returns a form that shows the signed-in account and switches to another one, returning to `back`. */
export const switchAccountForm = (email: string, back: string): string =>
  `<form method="post" action="/logout"><p class="quiet">You're signed in as ${escapeHtml(email)}.
    ${hidden('return', back)}<button class="link">Use another account</button></p></form>`

/** Returns a hidden form field. */
export const hidden = (name: string, value: string): string =>
  `<input type="hidden" name="${escapeHtml(name)}" value="${escapeHtml(value)}">`
