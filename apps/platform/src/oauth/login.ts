import { Hono } from 'hono'
import { MIN_PASSWORD_LENGTH } from '../accounts/auth.ts'
import { refuseForeignOrigin } from '../api/authenticate.ts'
import { getContext } from '../context.ts'
import type { Env } from '../env.ts'
import { escapeHtml, page } from '../http/pages/html-page.ts'
import { parseReturnUrl } from '../http/pages/return-url.ts'
import { callAuth } from '../http/rest/auth.ts'
import { readBody } from '../http/rest/body.ts'
import { toRequestError } from '../reply.ts'
import { getSettings } from '../settings.ts'
import { explainFailure } from '../storage/sqlite-failures.ts'
import { type LoginPage, loginPage } from './login-page.ts'

const MAX_BODY = 16 * 1024
const providers = ['github', 'google'] as const
/** Messages for error codes of the account library. */
const PROBLEMS: { readonly [code: string]: string } = {
  INVALID_EMAIL: 'Enter a valid email address.',
  INVALID_EMAIL_OR_PASSWORD: 'The email address or password is incorrect.',
  PASSWORD_TOO_SHORT: `The password must have at least ${MIN_PASSWORD_LENGTH} characters.`,
  PASSWORD_TOO_LONG: 'The password must have at most 128 characters.',
  USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL: 'An account with this email address already exists. Sign in instead.',
  EMAIL_NOT_VERIFIED: 'Confirm your email address first. We sent you another link.',
}

/** Returns the pages to sign in, sign up and sign out, which then redirect to `return`. */
export function login(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/login', (c) => loginPage(createPage('login', c.env, c.req.raw, parseReturnUrl(c.req.query('return')))))
  app.get('/signup', (c) => loginPage(createPage('signup', c.env, c.req.raw, parseReturnUrl(c.req.query('return')))))
  for (const path of ['/login', '/signup', '/logout']) {
    app.post(path, async (c) => {
      const ctx = getContext(c.req.raw, c.env)
      try {
        refuseForeignOrigin(ctx)
        return await answer(path, c.req.raw, c.env)
      } catch (cause) {
        const error = toRequestError(await explainFailure(cause), ctx.requestId)
        return page('Something went wrong', [escapeHtml(error.message)], { status: error.status })
      }
    })
  }
  return app
}

async function answer(path: string, request: Request, env: Env): Promise<Response> {
  const form = new URLSearchParams(await readBody(request, MAX_BODY, getSettings(env)))
  const given = (name: string) => form.get(name) ?? ''
  const back = parseReturnUrl(given('return'))
  if (path === '/logout') {
    const response = await callAuth(request, '/api/auth/sign-out', {}, env)
    return onward(`/login?${new URLSearchParams({ return: back })}`, response)
  }
  const provider = providers.find((name) => name === given('provider'))
  if (provider) {
    const response = await callAuth(request, '/api/auth/sign-in/social', { provider, callbackURL: back }, env)
    const { url } = (await response.clone().json()) as { url?: string }
    if (response.ok && url) return onward(url, response)
  }
  const [name, email, password] = [given('name'), given('email'), given('password')]
  const signsUp = path === '/signup'
  const response = signsUp
    ? await callAuth(
        request,
        '/api/auth/sign-up/email',
        { email, password, name: name || email, callbackURL: back },
        env,
      )
    : await callAuth(request, '/api/auth/sign-in/email', { email, password, callbackURL: back }, env)
  const { code, message, token } = (await response.clone().json()) as {
    code?: string
    message?: string
    token?: string | null
  }
  if (response.ok && token) return onward(back, response)
  if (response.ok) return page('Confirm your email address', ['We emailed you a link. Open it to continue.'])
  const shown = createPage(signsUp ? 'signup' : 'login', env, request, back)
  const problem = PROBLEMS[code ?? ''] ?? message ?? 'Something went wrong. Try again.'
  return loginPage({ ...shown, name, email, problem }, response.status)
}

function createPage(kind: LoginPage['kind'], env: Env, request: Request, back: string): LoginPage {
  return {
    kind,
    back,
    name: '',
    email: '',
    signup: getContext(request, env).settings.signup,
    providers: [
      ...(env.GITHUB_CLIENT_ID && env.GITHUB_CLIENT_SECRET ? (['github'] as const) : []),
      ...(env.GOOGLE_CLIENT_ID && env.GOOGLE_CLIENT_SECRET ? (['google'] as const) : []),
    ],
  }
}

/** Redirects with the cookies of a response from the account library. */
function onward(location: string, from: Response): Response {
  const headers = new Headers({ Location: location, 'Cache-Control': 'no-store' })
  for (const cookie of from.headers.getSetCookie()) headers.append('Set-Cookie', cookie)
  return new Response(null, { status: 303, headers })
}
