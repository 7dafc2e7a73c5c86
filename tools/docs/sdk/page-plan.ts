/** A page of the SDK's reference: the declarations on it in their order. */
export interface SdkPage {
  readonly title: string
  readonly intro: string
  readonly names: readonly string[]
}

/** The pages by their file names. A declaration that no page names is on the page `types`. */
export const sdkPages: { readonly [file: string]: SdkPage } = {
  client: {
    title: 'Client',
    intro: 'Connect to an instance, and manage the databases, tokens and balance of a namespace.',
    names: ['PerSQL', 'PerSQLOptions', 'CallOptions', 'Databases', 'Tokens', 'Billing', 'NamespaceResources'],
  },
  database: {
    title: 'Database',
    intro: 'Run statements, read the schema, move rows and follow the changes of one database.',
    names: ['PerSQLDatabase', 'DatabaseResources'],
  },
  versions: {
    title: 'Branches, snapshots and migrations',
    intro: 'Branch, merge, restore and change the schema of a database.',
    names: ['Branches', 'Snapshots', 'Migrations'],
  },
  review: {
    title: 'Proposals and approvals',
    intro: 'Dry-run writes, and hold writes until a person approves them.',
    names: ['Proposals', 'ApprovalRules', 'Approvals'],
  },
  automation: {
    title: 'Endpoints, webhooks and schedules',
    intro: 'Publish statements as HTTP APIs, deliver changes, run statements at an interval, and change settings.',
    names: ['Endpoints', 'Webhooks', 'Schedules', 'SettingsResource'],
  },
  tools: {
    title: 'Tools for AI models',
    intro: 'The formats in which the SDK returns tools, and their results.',
    names: [
      'Tool',
      'Toolbox',
      'ToolOptions',
      'ToolResult',
      'ToolRows',
      'ToolError',
      'ObjectSchema',
      'AiSdkTool',
      'MastraTool',
    ],
  },
  errors: {
    title: 'Error classes',
    intro: 'The classes of errors that calls throw.',
    names: [
      'PerSQLError',
      'RateLimitError',
      'InsufficientBalanceError',
      'ApprovalRequiredError',
      'MergeRefusedError',
      'SqlErrorDetail',
    ],
  },
  webhooks: {
    title: 'Webhook verification',
    intro: 'Verify deliveries of webhooks in your server, with `@persql/sdk/webhooks`.',
    names: ['verifyWebhook', 'VerifyOptions', 'WebhookHeaders', 'WebhookEvent', 'WebhookVerificationError'],
  },
  types: { title: 'Types', intro: 'The parameters and results of calls, in alphabetical order.', names: [] },
}
