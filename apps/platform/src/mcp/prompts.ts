import { type GetPromptResult, type Prompt, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'

interface Recipe {
  readonly prompt: Prompt
  readonly text: (given: Readonly<Record<string, string>>) => string
}

const database = { name: 'database', description: 'Database slug', required: true }

const recipes: Readonly<Record<string, Recipe>> = {
  branch_first: {
    prompt: {
      name: 'branch_first',
      title: 'Try it on a branch first',
      description: 'Do the work on a branch, check it, then apply it to the database',
      arguments: [database, { name: 'task', description: 'The task', required: true }],
    },
    text: ({ database, task }) => `Do this with the PerSQL database "${database}", on a branch first: ${task}

1. Call claim_branch for "${database}" with a purpose and a ttlSec. The branch has the schema and no rows.
2. Insert a few sample rows and do the work on the branch (its slug is "databaseSlug").
3. Verify it with queries. Show what would change in "${database}" and ask before you continue.
4. Merge the schema: merge_branch with mode "preview", then "schema". The sample rows stay on the branch. Write the rows that "${database}" needs with propose_mutation and apply_mutation.
5. Call delete_branch.`,
  },
  migrate_safely: {
    prompt: {
      name: 'migrate_safely',
      title: 'Change the schema safely',
      description: 'Write a migration, dry-run it, create a snapshot, apply it',
      arguments: [database, { name: 'change', description: 'How the schema should change', required: true }],
    },
    text: ({ database, change }) => `Change the schema of the PerSQL database "${database}": ${change}

1. Read the schema (get_schema) and check what depends on it: list_endpoints, views, triggers.
2. Save the statements as a draft with create_migration.
3. Dry-run it with try_migration, which reports each statement's effect and the schema diff. Fix the draft with update_migration until it is right.
4. Show the diff and ask before you continue.
5. Call create_snapshot, then apply_migration. To undo, use restore_snapshot.
6. Verify the result with queries.`,
  },
}

/** All recipes, for listing. */
export const prompts: readonly Prompt[] = Object.values(recipes).map(({ prompt }) => prompt)

/** Returns a recipe with its arguments filled in. @throws ProtocolError */
export function getPrompt(name: string, given: Readonly<Record<string, string>> = {}): GetPromptResult {
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined
  if (!recipe) throw invalid(`Prompt "${name.slice(0, 80)}" not found.`)
  const { prompt, text } = recipe
  const missing = prompt.arguments?.find((argument) => argument.required && !given[argument.name])
  if (missing) throw invalid(`Missing argument "${missing.name}".`)
  return { description: prompt.description, messages: [{ role: 'user', content: { type: 'text', text: text(given) } }] }
}

const invalid = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message)
