import type { BranchDiff } from '@persql/sdk'
import { count, fields, listing } from './format-output.ts'

const COLUMNS = ['table', 'inserted', 'updated', 'deleted', 'conflicts'] as const

/** Formats the difference between a branch and its database, as text or Markdown. */
export function formatDiff(title: string, { schema, migrations, rows }: BranchDiff, isMarkdown: boolean): string {
  const statements = schema.statements.map(({ sql, losesData }) => `${sql};${losesData ? ' -- can delete data' : ''}`)
  const lists = [
    ['Migrations on the branch', migrations.branch],
    ['Migrations that the branch lacks', migrations.parent],
    ['Different migrations with the same name', migrations.diverged],
  ] as const
  const conflicts = [...schema.conflicts, ...(rows?.conflicts ?? [])]
  const tables = rows?.tables ?? []
  const isEqual =
    statements.length + conflicts.length + tables.length + lists.flatMap(([, names]) => names).length === 0
  const parts = isMarkdown
    ? [
        `### ${escapeText(title)}`,
        isEqual && 'No differences.',
        statements.length > 0 && fenced('sql', statements.join('\n')),
        lists.map(([what, names]) => names.length > 0 && `- ${what}: ${names.map(code).join(', ')}`),
        tables.length > 0 && markdownTable(tables),
        schema.conflicts.map(({ type, name, reason }) => `- Conflict: ${type} ${code(name)}. ${escapeText(reason)}`),
        rows?.conflicts.map(({ table, message }) => `- Conflict: rows of ${code(table)}. ${escapeText(message)}`),
      ]
    : [
        title,
        isEqual && 'No differences.',
        statements.join('\n'),
        lists.map(([what, names]) => names.length > 0 && `${what}: ${names.join(', ')}`),
        tables.length > 0 && listing(tables, [...COLUMNS], ''),
        conflicts.map(fields).join('\n\n'),
        conflicts.length > 0 && count(conflicts.length, 'conflict'),
      ]
  return parts
    .map((part) => (Array.isArray(part) ? part.filter(Boolean).join('\n') : part))
    .filter(Boolean)
    .join('\n\n')
}

/** Formats text as code, also with backticks in it. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  const space = longest > 0 ? ' ' : ''
  return `${fence}${space}${text.replace(/\s+/g, ' ')}${space}${fence}`
}

function fenced(language: string, text: string): string {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length))
  const fence = '`'.repeat(longest + 1)
  return `${fence}${language}\n${text}\n${fence}`
}

function markdownTable(tables: NonNullable<BranchDiff['rows']>['tables']): string {
  const lines = tables.map((each) =>
    COLUMNS.map((column) => (column === 'table' ? code(each.table).replaceAll('|', '\\|') : each[column])).join(' | '),
  )
  return [COLUMNS.join(' | '), COLUMNS.map(() => '---').join(' | '), ...lines].map((line) => `| ${line} |`).join('\n')
}

/** Keeps names of tenants from becoming links, images, mentions or HTML. */
const escapeText = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\`*_[\]<>#|~!@]/g, '\\$&')
