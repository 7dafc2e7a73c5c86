import { PerSQL } from '@persql/sdk'
import { usage } from '../cli-error.ts'
import { type Command, command } from '../command.ts'
import type { Renewal } from '../config.ts'
import type { Context } from '../context.ts'
import { fields } from '../format-output.ts'
import { browserLogin, discover, openBrowser } from '../login/browser.ts'
import { ask, isInteractive } from '../prompt.ts'
import { readText } from '../values.ts'

interface Login {
  token: string
  renewal?: Renewal
}

/** Returns a token from the command line, stdin, the browser or a hidden prompt. */
async function obtain(ctx: Context, url: string, given: string | undefined): Promise<Login> {
  if (given !== undefined && given !== '-') return { token: given.trim() }
  if (!isInteractive()) return { token: (await readText('-')).trim() }
  const server = given === '-' ? undefined : await discover(url, ctx.signal)
  if (!server) return { token: await ask(`Token for ${url} (input is hidden): `, { hidden: true, signal: ctx.signal }) }
  return await browserLogin(server, url, ctx.signal, (address) => {
    process.stderr.write(`If your browser doesn't open, log in at:\n${address}\n`)
    void openBrowser(address, ctx.env)
  })
}

const login = command({
  path: 'login',
  summary: 'Check a token and save it for later commands',
  details:
    'Without --token, the command logs in through the browser if the server supports OAuth. Otherwise the command prompts for a token, or reads one from a pipe.',
  options: {
    token: {
      help: "The token. Use - to enter it at a prompt or read it from a pipe, so that other users of this machine can't see it",
      value: 'token',
    },
  },
  examples: ['persql login --url http://127.0.0.1:8787 --token - < token.txt', 'persql login --profile work'],
  async run(ctx, { options }) {
    const url = await ctx.loginUrl()
    const { token, renewal } = await obtain(ctx, url, options.token)
    if (!/^[\x21-\x7e]+$/.test(token)) throw usage('Invalid token format.')
    const me = await new PerSQL({ token, baseURL: url, signal: ctx.signal }).me()
    await ctx.keep({ url, token, namespace: me.namespaceSlug, ...(renewal && { renewal }) })
    const json = { profile: ctx.profileName, url, ...me }
    return { json, text: `Logged in to ${me.namespaceSlug} at ${url} as ${me.role}.` }
  },
})

const logout = command({
  path: 'logout',
  summary: 'Remove the saved token from this profile',
  details: 'The token stays valid. To revoke it, run persql token revoke before you log out.',
  async run(ctx) {
    const loggedOut = (await ctx.profile()) !== undefined
    if (loggedOut) await ctx.keep(undefined)
    const text = loggedOut ? 'Logged out.' : 'Not logged in.'
    return { json: { profile: ctx.profileName, loggedOut }, text }
  },
})

const whoami = command({
  path: 'whoami',
  summary: 'Show the current server, namespace and token',
  async run(ctx) {
    const { url } = await ctx.access()
    const me = await (await ctx.persql()).me()
    const json = { url, ...me, from: ctx.env.PERSQL_TOKEN ? 'PERSQL_TOKEN' : `profile ${ctx.profileName}` }
    return { json, text: fields(json) }
  },
})

export const accountCommands: Command[] = [login, logout, whoami]
