import { PerSQL } from '@persql/sdk'
import { ask, attended } from '../ask.ts'
import { type Command, command } from '../command.ts'
import type { Renewal } from '../config.ts'
import type { Context } from '../context.ts'
import { usage } from '../exits.ts'
import { browserLogin, discover, openBrowser } from '../login/browser.ts'
import { fields } from '../render.ts'
import { textOf } from '../values.ts'

interface Login {
  token: string
  renewal?: Renewal
}

/** A token from wherever one may come: the line, stdin, the browser, or typed where nobody sees it. */
async function obtain(ctx: Context, url: string, given: string | undefined): Promise<Login> {
  if (given !== undefined && given !== '-') return { token: given.trim() }
  if (!attended()) return { token: (await textOf('-')).trim() }
  const server = given === '-' ? undefined : await discover(url, ctx.signal)
  if (!server) return { token: await ask(`Token for ${url} (it is not shown): `, { hidden: true, signal: ctx.signal }) }
  return await browserLogin(server, url, ctx.signal, (address) => {
    process.stderr.write(`Log in here, if no browser opens by itself:\n${address}\n`)
    void openBrowser(address, ctx.env)
  })
}

const login = command({
  path: 'login',
  summary: 'Check a token and keep it for later calls',
  details:
    'Without --token it goes through the browser where the server offers that, else it asks for a token, which is not shown, or reads one from a pipe.',
  options: {
    token: {
      help: 'The token; - asks for it, or reads it from a pipe: other users of this machine see what is on a command line',
      value: 'token',
    },
  },
  examples: ['persql login --url http://127.0.0.1:8787 --token -  < token.txt', 'persql login --profile work'],
  async run(ctx, { options }) {
    const url = await ctx.loginUrl()
    const { token, renewal } = await obtain(ctx, url, options.token)
    if (!/^[\x21-\x7e]+$/.test(token)) throw usage('That is no token.')
    const me = await new PerSQL({ token, baseURL: url, signal: ctx.signal }).me()
    await ctx.keep({ url, token, namespace: me.namespaceSlug, ...(renewal && { renewal }) })
    const json = { profile: ctx.profileName, url, ...me }
    return { json, text: `Logged in to ${me.namespaceSlug} at ${url} as ${me.role}.` }
  },
})

const logout = command({
  path: 'logout',
  summary: 'Forget the token of this profile',
  details: 'The token itself stays good: persql token revoke ends it.',
  async run(ctx) {
    const loggedOut = (await ctx.profile()) !== undefined
    if (loggedOut) await ctx.keep(undefined)
    const text = loggedOut ? 'Logged out.' : 'Nobody was logged in.'
    return { json: { profile: ctx.profileName, loggedOut }, text }
  },
})

const whoami = command({
  path: 'whoami',
  summary: 'Tell which server, namespace and token this is',
  async run(ctx) {
    const { url } = await ctx.access()
    const me = await (await ctx.persql()).me()
    const json = { url, ...me, from: ctx.env.PERSQL_TOKEN ? 'PERSQL_TOKEN' : `profile ${ctx.profileName}` }
    return { json, text: fields(json) }
  },
})

export const accountCommands: Command[] = [login, logout, whoami]
