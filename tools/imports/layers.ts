/** The layers of an app, from top to bottom. A file imports from its own folder and from lower layers. */
export interface App {
  /** The folder of the app's sources. */
  readonly root: string
  /** Folders or files of each layer, by their first path segment. Everything else is in the lowest layer. */
  readonly layers: readonly (readonly string[])[]
  /** Imports between folders of one layer, which otherwise import only types from each other. */
  readonly sideways: readonly string[]
  /** Files that describe what others hand to each other: they may import types from every layer. */
  readonly describes: readonly string[]
}

export const apps: readonly App[] = [
  {
    root: 'apps/platform/src/',
    layers: [
      ['index.ts', 'reader.ts'],
      ['mcp', 'oauth'],
      ['http'],
      ['api', 'accounts'],
      ['database', 'namespace', 'directory', 'oauth-server'],
      ['integrations'],
      [],
      ['sqlite'],
    ],
    sideways: ['api -> accounts', 'accounts -> api', 'namespace -> oauth-server'],
    describes: ['env.ts', 'context.ts'],
  },
  {
    root: 'apps/console/src/',
    layers: [['main.tsx'], ['app.tsx'], ['pages'], ['shell'], ['api'], ['ui']],
    sideways: [],
    describes: [],
  },
]
