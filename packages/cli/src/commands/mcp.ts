import { command } from '../command.ts'
import { proxy } from '../mcp/proxy.ts'

export const mcp = command({
  path: 'mcp',
  summary: 'Serve the PerSQL MCP server over stdio',
  details:
    'Use this command in MCP clients that start a command. The token is PERSQL_TOKEN, or else the token of the profile.',
  options: {
    tools: { help: 'Tool groups to list instead of the default set, for example core,branches', value: 'groups' },
  },
  examples: ['claude mcp add persql -- persql mcp'],
  async run(ctx, { options }) {
    const { url, token } = await ctx.access()
    const query = options.tools === undefined ? '' : `?${new URLSearchParams({ tools: options.tools })}`
    await proxy(`${url}/mcp${query}`, token, ctx.signal)
    return undefined
  },
})
