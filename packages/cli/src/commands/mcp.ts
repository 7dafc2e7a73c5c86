import { command } from '../command.ts'
import { proxy } from '../mcp/proxy.ts'

export const mcp = command({
  path: 'mcp',
  summary: 'Serve MCP on stdin and stdout, by the MCP server of PerSQL',
  details: 'For clients that start programs. The token is that of the profile, or PERSQL_TOKEN.',
  options: {
    tools: { help: 'Groups of tools to list instead of the short list, like core,branches', value: 'groups' },
  },
  examples: ['claude mcp add persql -- persql mcp'],
  async run(ctx, { options }) {
    const { url, token } = await ctx.access()
    const query = options.tools === undefined ? '' : `?${new URLSearchParams({ tools: options.tools })}`
    await proxy(`${url}/mcp${query}`, token, ctx.signal)
    return undefined
  },
})
