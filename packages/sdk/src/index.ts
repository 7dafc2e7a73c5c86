export { PerSQL, type PerSQLOptions } from './client.ts'
export type { Database, Driver } from './database.ts'
export {
  ApprovalRequiredError,
  InsufficientBalanceError,
  MergeRefusedError,
  PerSQLError,
  RateLimitError,
} from './errors.ts'
export type * from './namespace-resources.ts'
export type * from './resources.ts'
export type { SubscribeOptions, Subscription } from './subscribe.ts'
export type { ObjectSchema, Tool, Toolbox, ToolOptions, ToolResult } from './tools.ts'
export type * from './types.ts'
