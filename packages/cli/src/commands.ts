import type { Command } from './command.ts'
import { accountCommands } from './commands/account.ts'
import { billingCommands } from './commands/billing.ts'
import { branchCommands } from './commands/branches.ts'
import { databaseCommands } from './commands/databases.ts'
import { endpointCommands } from './commands/endpoints.ts'
import { mcp } from './commands/mcp.ts'
import { migrate } from './commands/migrate.ts'
import { proposalCommands } from './commands/proposals.ts'
import { query } from './commands/query.ts'
import { schemaCommands } from './commands/schema.ts'
import { selfCommands } from './commands/self.ts'
import { shell } from './commands/shell.ts'
import { skillInstall } from './commands/skill.ts'
import { snapshotCommands } from './commands/snapshots.ts'
import { tokenCommands } from './commands/tokens.ts'
import { transferCommands } from './commands/transfer.ts'

/** Every command of the program. */
export const commands: readonly Command[] = [
  ...accountCommands,
  ...databaseCommands,
  query,
  shell,
  ...schemaCommands,
  ...proposalCommands,
  ...transferCommands,
  migrate,
  ...branchCommands,
  ...snapshotCommands,
  ...tokenCommands,
  ...endpointCommands,
  ...billingCommands,
  mcp,
  skillInstall,
  ...selfCommands(() => commands),
]
