import { type GetPromptResult, type Prompt, ProtocolError, ProtocolErrorCode } from '@modelcontextprotocol/server'

interface Recipe {
  readonly prompt: Prompt
  readonly text: (given: Readonly<Record<string, string>>) => string
}

const database = { name: 'database', description: 'Slug of the database', required: true }

const recipes: Readonly<Record<string, Recipe>> = {
  branch_first: {
    prompt: {
      name: 'branch_first',
      title: 'Try it on a branch first',
      description: 'Do a piece of work on a branch of the database, and bring over only what was checked',
      arguments: [database, { name: 'task', description: 'What is to be done', required: true }],
    },
    text: ({ database, task }) => `Do this with the PerSQL database "${database}", on a branch first: ${task}

1. claim_branch of "${database}" with a purpose and a ttlSec. The branch has the schema, and no rows.
2. Put in just enough made-up rows to try it, and do the work on the branch, whose slug is "databaseSlug".
3. Check it with queries. Show what would change in "${database}", and ask before you go on.
4. Then do it there: propose_mutation and apply_mutation for rows, create_migration, try_migration and apply_migration for the schema.
5. delete_branch.`,
  },
  migrate_safely: {
    prompt: {
      name: 'migrate_safely',
      title: 'Change the schema safely',
      description: 'Write a migration, try it, keep a snapshot, apply it',
      arguments: [database, { name: 'change', description: 'How the schema should change', required: true }],
    },
    text: ({ database, change }) => `Change the schema of the PerSQL database "${database}": ${change}

1. Read the schema (get_schema) and look for what depends on it: list_endpoints, views, triggers.
2. create_migration with the statements as a draft.
3. try_migration: it runs, tells what each statement does and how the schema differs, and undoes it all. Mend the draft with update_migration until that is right.
4. Show the difference and ask before you go on.
5. create_snapshot, then apply_migration. To go back: restore_snapshot.
6. Run queries that show that it holds.`,
  },
}

/** All recipes, for listing. */
export const prompts: readonly Prompt[] = Object.values(recipes).map(({ prompt }) => prompt)

/** One recipe with its arguments filled in. @throws ProtocolError */
export function getPrompt(name: string, given: Readonly<Record<string, string>> = {}): GetPromptResult {
  const recipe = Object.hasOwn(recipes, name) ? recipes[name] : undefined
  if (!recipe) throw invalid(`There is no prompt "${name.slice(0, 80)}".`)
  const { prompt, text } = recipe
  const missing = prompt.arguments?.find((argument) => argument.required && !given[argument.name])
  if (missing) throw invalid(`The argument "${missing.name}" is missing.`)
  return { description: prompt.description, messages: [{ role: 'user', content: { type: 'text', text: text(given) } }] }
}

const invalid = (message: string) => new ProtocolError(ProtocolErrorCode.InvalidParams, message)
