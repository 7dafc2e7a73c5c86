/** What teaches an agent to use PerSQL. */
export const SKILL = `---
name: persql
description: Work with PerSQL databases (SQLite over HTTP) from the command line. Use when a task reads, changes, migrates, branches, exports or imports a PerSQL database, or when PERSQL_TOKEN or PERSQL_DATABASE is set.
---

# PerSQL

\`persql\` talks to isolated SQLite databases over HTTP. An address is \`namespace/database\`; \`PERSQL_DATABASE\` stands in for it.
Always pass \`--json\`: stdout is then exactly one JSON value, failures are one JSON object on stderr.

## Before anything

1. \`persql whoami --json\`: which namespace, which role. Exit code 3: ask the human to run \`persql login\`. Never ask for a token in
   the conversation, and never print one.
2. \`persql db describe <db>\`: tables, columns and what they mean. Do not guess names.

## Read

\`persql db query <db> "SELECT … WHERE id = ? LIMIT 50" --param 7 --json\`

- Bind values with \`--param\`; never paste them into SQL.
- Rows *read* cost money, also those that are scanned and not returned: use an indexed WHERE and a LIMIT, no \`SELECT *\` over large
  tables. \`meta.costUsd\` tells what a call cost.

## Write: propose first

1. \`persql db propose <db> "UPDATE …" --param … --json\`: nothing happens; look at \`estimatedAffectedRows\`.
2. When that is what is wanted: \`persql db apply <db> <executionToken> --json\`. It works once, and refuses if the schema changed.
3. Exit code 5 with \`approvalUrl\`: show that address to the human, then
   \`persql db redeem <db> <approvalToken> --wait 10m --json\`. Do not look for a way around it.

Several statements that belong together: \`persql db query <db> --transaction -f changes.sql\`.

## Change the schema: branch first

1. \`persql db branch claim <db> --purpose "…" --ttl 1h --json\`: a copy of the schema without rows, and a token for it alone.
2. Try there, with PERSQL_TOKEN set to that token: \`persql db migrate <namespaceSlug>/<databaseSlug> migrations/\`.
3. \`persql db branch merge <db> <ref> --json\` shows what a merge would do. Show it to the human before \`--mode schema\`.
4. Or keep .sql files and run \`persql db migrate <db> migrations/ --dry-run\`, then without \`--dry-run\`.

To try something on real rows: \`persql db fork <db> <name> --ttl 1d\`, and delete it afterwards.

## Before something that cannot be undone

\`persql db snapshot create <db> "before …"\`. Undo: \`persql db restore <db> --snapshot <id> --yes\`. Commands that destroy
need \`--yes\`: give it only for what the human asked for.

## Exit codes

0 done, 1 failed (read \`errorDetail\`: kind, column, hint), 2 wrong command line, 3 log in, 4 not found, 5 refused or waits for
approval, 6 balance used up (a human runs \`persql topup\`), 7 conflict, 8 try again later.

\`persql <command> --help\` tells more.
`
