import { PerSQLError } from '@persql/contract'
import { Hono } from 'hono'
import { refuseForeignOrigin } from '../authenticate.ts'
import { contextOf } from '../context.ts'
import type { Env } from '../env.ts'
import { callAuth } from '../http/auth.ts'
import { readBody } from '../http/body.ts'
import { escapeHtml, page } from '../http/page.ts'
import { returnOf } from '../http/return-address.ts'
import { settingsOf } from '../settings.ts'
import { type LoginPage, loginPage } from './login-page.ts'

const MAX_BODY = 16 * 1024
const providers = ['github', 'google'] as const

/** Pages to sign in, sign up and sign out on, on the way to where `return` says. */
export function login(): Hono<{ Bindings: Env }> {
  const app = new Hono<{ Bindings: Env }>()
  app.get('/login', (c) => loginPage(pageOf('login', c.env, c.req.raw, returnOf(c.req.query('return')))))
  app.get('/signup', (c) => loginPage(pageOf('signup', c.env, c.req.raw, returnOf(c.req.query('return')))))
  for (const path of ['/login', '/signup', '/logout']) {
    app.post(path, async (c) => {
      try {
        refuseForeignOrigin(contextOf(c.req.raw, c.env))
        return await answer(path, c.req.raw, c.env)
      } catch (cause) {
        const error = PerSQLError.from(cause)
        return page('This did not work', [escapeHtml(error.message)], { status: error.status })
      }
    })
  }
  return app
}

async function answer(path: string, request: Request, env: Env): Promise<Response> {
  const form = new URLSearchParams(await readBody(request, MAX_BODY, settingsOf(env)))
  const given = (name: string) => form.get(name) ?? ''
  const back = returnOf(given('return'))
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
  const [email, password] = [given('email'), given('password')]
  const signsUp = path === '/signup'
  const response = signsUp
    ? await callAuth(
        request,
        '/api/auth/sign-up/email',
        { email, password, name: given('name') || email, callbackURL: back },
        env,
      )
    : await callAuth(request, '/api/auth/sign-in/email', { email, password, callbackURL: back }, env)
  const { message, token } = (await response.clone().json()) as { message?: string; token?: string | null }
  if (response.ok && token) return onward(back, response)
  if (response.ok) return page('Confirm your address', ['Open the link that was sent to you to go on.'])
  const shown = pageOf(signsUp ? 'signup' : 'login', env, request, back)
  return loginPage({ ...shown, email, problem: message ?? 'This did not work.' }, response.status)
}

function pageOf(kind: LoginPage['kind'], env: Env, request: Request, back: string): LoginPage {
  return {
    kind,
    back,
    email: '',
    signup: contextOf(request, env).settings.signup,
    providers: [
      ...(env.GITHUB_CLIENT_ID && env.GITHUB_CLIENT_SECRET ? (['github'] as const) : []),
      ...(env.GOOGLE_CLIENT_ID && env.GOOGLE_CLIENT_SECRET ? (['google'] as const) : []),
    ],
  }
}

/** Goes on with the cookies that an answer of the library sets. */
function onward(location: string, from: Response): Response {
  const headers = new Headers({ Location: location, 'Cache-Control': 'no-store' })
  for (const cookie of from.headers.getSetCookie()) headers.append('Set-Cookie', cookie)
  return new Response(null, { status: 303, headers })
}
