/** The SKILL.md that teaches an agent to use PerSQL. */
export const SKILL = `---
name: persql
description: Work with PerSQL databases (SQLite over HTTP) from the command line. Use when a task reads, changes, migrates, branches, exports or imports a PerSQL database, or when PERSQL_TOKEN or PERSQL_DATABASE is set.
---

# PerSQL

\`persql\` queries isolated SQLite databases over HTTP. A database address is \`namespace/database\`; if you omit it, \`PERSQL_DATABASE\` is used.
Always pass \`--json\`: stdout is then exactly one JSON value, and an error is one JSON object on stderr.

## First

1. \`persql whoami --json\` shows the namespace and role. On exit code 3, ask the user to run \`persql login\`. Never ask for a token in
   the conversation, and never print one.
2. \`persql db describe <db>\` shows tables and columns with their descriptions. Do not guess names.

## Read

\`persql db query <db> "SELECT … WHERE id = ? LIMIT 50" --param 7 --json\`

- Bind values with \`--param\`. Never put them into SQL text.
- Rows *read* cost money, including rows that are scanned but not returned. Use an indexed WHERE and a LIMIT, and no \`SELECT *\` on
  large tables. \`meta.costUsd\` is the cost of the call.

## Write: propose first

1. \`persql db propose <db> "UPDATE …" --param … --json\` is a dry run. Check \`estimatedAffectedRows\`.
2. If the number is right: \`persql db apply <db> <executionToken> --json\`. It works once, and fails if the schema changed.
3. On exit code 5 with \`approvalUrl\`, show that URL to the user, then run
   \`persql db redeem <db> <approvalToken> --wait 10m --json\`. Do not look for a way around the approval.

To run several statements in one transaction: \`persql db query <db> --transaction -f changes.sql\`.

## Change the schema: branch first

1. \`persql db branch claim <db> --purpose "…" --ttl 1h --json\` creates a branch (same schema, no rows) and a token limited to it.
2. Set PERSQL_TOKEN to that token and migrate the branch: \`persql db migrate <namespaceSlug>/<databaseSlug> migrations/\`.
3. \`persql db branch merge <db> <ref> --json\` previews the merge. Show the preview to the user before you run it with \`--mode schema\`.
4. Without a branch: keep .sql files. \`persql db migrate <db> migrations/ --dry-run\` lists the new ones. Without \`--dry-run\`, the
   command applies them.

To test a change on real rows: \`persql db fork <db> <name> --ttl 1d\`. Delete the fork afterwards.

## Before a change you can't undo

\`persql db snapshot create <db> "before …"\`. To undo: \`persql db restore <db> --snapshot <id> --yes\`. Commands that delete
data need \`--yes\`: pass it only for what the user asked for.

## Exit codes

0 success, 1 failure (read \`errorDetail\`: kind, column, hint), 2 invalid command line, 3 not authenticated, 4 not found, 5 not allowed or
waiting for approval, 6 balance empty (the user runs \`persql topup\`), 7 conflict, 8 try again later.

Run \`persql <command> --help\` for details.
`
