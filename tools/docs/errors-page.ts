import { errors } from '../../packages/contract/src/error-table.ts'
import type { ErrorCode } from '../../packages/contract/src/errors.ts'
import { formatTable } from './table.ts'

const INTRO = `# Errors

All codes of the HTTP API, the MCP server and the public endpoints, with their status and message. The table is
generated from the declarations that the server runs on.

Test the \`code\`, never the message: messages can change. Names in braces stand for details of the error; \`{instead}\` is
the next step. For the shape of an error response and for retries, see the [HTTP API](api.md#errors). The SDK adds codes
for [errors without a response](../../packages/sdk/README.md#errors-and-retries).
`

/** Descriptions of messages that the place of the error writes as a whole. */
const described: Partial<Record<ErrorCode, string>> = {
  invalid_input: 'The field and its rule, such as `"limit" must be an integer from 1 to 500.`',
  sql_error: "SQLite's message. `errorDetail` has its kind and, where known, a hint: see [SQL](sql.md#errors).",
  import_failed: 'The line of the file and the reason. Nothing was imported.',
  conflict: 'The conflict with existing data, and the next step.',
  captcha_unavailable: "Captchas aren't set up on this instance, or Turnstile can't be reached.",
}

/** Returns the page `docs/reference/errors.md`. */
export function formatErrorsPage(): string {
  const rows = (Object.keys(errors) as ErrorCode[])
    .sort((a, b) => errors[a].status - errors[b].status || a.localeCompare(b))
    .map((code) => [`\`${code}\``, String(errors[code].status), described[code] ?? toCell(errors[code].message)])
  return `${INTRO}\n${formatTable([['Code', 'Status', 'Message'], ...rows])}\n`
}

const toCell = (message: string) => message.replace(/\{\w+\}|<[^>]+>/g, (name) => `\`${name}\``).replaceAll('|', '\\|')
