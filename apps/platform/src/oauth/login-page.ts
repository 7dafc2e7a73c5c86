import { escapeHtml, page } from '../http/page.ts'
import type { Settings } from '../settings.ts'

/** What a page to sign in or up on shows. */
export interface LoginPage {
  readonly kind: 'login' | 'signup'
  /** Where to go on. */
  readonly back: string
  readonly email: string
  readonly signup: Settings['signup']
  readonly providers: readonly ('github' | 'google')[]
  readonly problem?: string
}

const NAMES = { github: 'GitHub', google: 'Google' }
/** Browsers apply the rule for forms to where a form's answer redirects to. */
const ORIGINS = { github: 'https://github.com', google: 'https://accounts.google.com' }

/** The page on which one signs in, or makes an account. */
export function loginPage(shown: LoginPage, status = 200): Response {
  const { kind, back, email, signup, providers, problem } = shown
  const signsUp = kind === 'signup'
  const title = signsUp ? 'Make an account' : 'Sign in to PerSQL'
  if (signsUp && signup === 'off') return page(title, ['Nobody can sign up here.', link('login', back)], { status })
  const hidden = `<input type="hidden" name="return" value="${escapeHtml(back)}">`
  const blocks = [
    ...(problem ? [`<p class="warning" role="alert">${escapeHtml(problem)}</p>`] : []),
    ...(signsUp && signup === 'invite' ? ['Only those who were invited can sign up here.'] : []),
    `<form method="post" action="/${kind}">${hidden}
      ${signsUp ? '<label>Name <input name="name" autocomplete="name" maxlength="80"></label>' : ''}
      <label>Email <input name="email" type="email" required autocomplete="email" value="${escapeHtml(email)}"></label>
      <label>Password <input name="password" type="password" required autocomplete="${signsUp ? 'new' : 'current'}-password"></label>
      <button>${signsUp ? 'Sign up' : 'Sign in'}</button></form>`,
    ...providers.map(
      (name) => `<form method="post" action="/login">${hidden}
        <button name="provider" value="${name}">Go on with ${NAMES[name]}</button></form>`,
    ),
    ...(signsUp ? [link('login', back)] : signup === 'off' ? [] : [link('signup', back)]),
  ]
  const formAction = ["'self'", ...providers.map((name) => ORIGINS[name])].join(' ')
  return page(title, blocks, { status, formAction })
}

const link = (kind: LoginPage['kind'], back: string) =>
  `<p><a href="/${kind}?${escapeHtml(new URLSearchParams({ return: back }).toString())}">${
    kind === 'login' ? 'Sign in with an account you have' : 'Make an account'
  }</a></p>`
