export { PerSQL, type PerSQLOptions } from './client.ts'

export type { PerSQLDatabase } from './database.ts'
export type { Driver } from './driver.ts'
export {
  ApprovalRequiredError,
  InsufficientBalanceError,
  MergeRefusedError,
  PerSQLError,
  RateLimitError,
} from './errors.ts'
export type * from './former-names.ts'
export type * from './namespace-resources.ts'
export type * from './resources.ts'
export type { SubscribeOptions, Subscription } from './subscribe.ts'
export type {
  AiSdkTool,
  MastraTool,
  ObjectSchema,
  Tool,
  Toolbox,
  ToolError,
  ToolOptions,
  ToolResult,
  ToolRows,
} from './tools.ts'
export type * from './transaction-types.ts'
export type * from './types.ts'
