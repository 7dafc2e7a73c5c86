import { MIN_PASSWORD_LENGTH } from '../accounts/auth.ts'
import { escapeHtml, page } from '../http/pages/html-page.ts'
import type { Settings } from '../settings.ts'

/** The contents of the sign-in or sign-up page. */
export interface LoginPage {
  readonly kind: 'login' | 'signup'
  /** Where to go after signing in. */
  readonly back: string
  /** The visitor's input before an error. */
  readonly name: string
  readonly email: string
  readonly signup: Settings['signup']
  readonly providers: readonly ('github' | 'google')[]
  readonly problem?: string
}

const NAMES = { github: 'GitHub', google: 'Google' }
/** CSP sources for sign-in. Browsers also apply `form-action` to the redirect after a form. */
const ORIGINS = { github: 'https://github.com', google: 'https://accounts.google.com' }

/** Returns the page to sign in or to create an account. */
export function loginPage(shown: LoginPage, status = 200): Response {
  const { kind, back, name, email, signup, providers, problem } = shown
  const signsUp = kind === 'signup'
  const title = signsUp ? 'Create account' : 'Sign in to PerSQL'
  if (signsUp && signup === 'off')
    return page(title, ['Sign-up is disabled on this instance.', link('login', back)], { status })
  const hidden = `<input type="hidden" name="return" value="${escapeHtml(back)}">`
  const blocks = [
    ...(problem ? [`<p class="warning" role="alert">${escapeHtml(problem)}</p>`] : []),
    ...(signsUp && signup === 'invite' ? ['Sign-up is by invitation only.'] : []),
    `<form method="post" action="/${kind}">${hidden}
      ${signsUp ? `<label>Name (optional) <input name="name" autocomplete="name" maxlength="80" value="${escapeHtml(name)}"></label>` : ''}
      <label>Email <input name="email" type="email" required autocomplete="email" value="${escapeHtml(email)}"></label>
      <label>Password <input name="password" type="password" required autocomplete="${signsUp ? 'new-password" aria-describedby="password-hint' : 'current-password'}"></label>
      ${signsUp ? `<p class="quiet" id="password-hint">At least ${MIN_PASSWORD_LENGTH} characters.</p>` : ''}
      <button>${signsUp ? 'Create account' : 'Sign in'}</button></form>`,
    ...providers.map(
      (provider) => `<form method="post" action="/login">${hidden}
        <button name="provider" value="${provider}">Continue with ${NAMES[provider]}</button></form>`,
    ),
    ...(signsUp ? [link('login', back)] : signup === 'off' ? [] : [link('signup', back)]),
  ]
  const formAction = ["'self'", ...providers.map((provider) => ORIGINS[provider])].join(' ')
  return page(title, blocks, { status, formAction })
}

const link = (kind: LoginPage['kind'], back: string) =>
  `<p><a href="/${kind}?${escapeHtml(new URLSearchParams({ return: back }).toString())}">${
    kind === 'login' ? 'Already have an account? Sign in' : "Don't have an account? Create one"
  }</a></p>`
