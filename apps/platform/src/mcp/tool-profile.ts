import { PerSQLError } from '@persql/contract'
import { type Group, groups } from './tool-table.ts'
import { reachable } from './tools.ts'

/**
 * The tools that the URL selects: the default short list, with all other tools callable by name, or only the tools of
 * some groups.
 */
export interface Profile {
  /** `undefined` selects the short list, and every tool can be called. */
  readonly groups: ReadonlySet<Group> | undefined
  readonly readonly: boolean
}

/** Parses the query string. @throws PerSQLError `invalid_input` for unknown parameters, so that none is ignored */
export function parseProfile(query: string): Profile {
  if (query === '') return PLAIN
  const search = new URLSearchParams(query)
  for (const name of new Set(search.keys())) {
    if (name !== 'tools' && name !== 'readonly') {
      throw refused(`Unknown parameter "${name.slice(0, 80)}". Allowed: tools, readonly.`)
    }
    if (search.getAll(name).length > 1) throw refused(`Pass "${name}" only once.`)
  }
  return { groups: parseGroups(search.get('tools')), readonly: flag(search.get('readonly')) }
}

/** Returns whether a tool can be called by its name. Groups in the URL are a limit; the short list isn't. */
export function isOpen(name: string, { groups: open, readonly }: Profile): boolean {
  const row = reachable(name, readonly)
  return row !== undefined && (open?.has(row.group) ?? true)
}

/** Returns whether the list of tools includes a tool. */
export const isListed = (name: string, profile: Profile): boolean =>
  isOpen(name, profile) && (profile.groups !== undefined || SHORT.has(name))

const PLAIN: Profile = { groups: undefined, readonly: false }
const SHORT: ReadonlySet<string> = new Set(['query', 'batch'])

function parseGroups(text: string | null): Profile['groups'] {
  if (text === null) return undefined
  const named = text.split(',')
  const unknown = named.find((name) => name !== 'all' && !(groups as readonly string[]).includes(name))
  if (unknown !== undefined) {
    throw refused(`Unknown tool group "${unknown.slice(0, 80)}". Available: ${groups.join(', ')}, all.`)
  }
  return new Set(named.includes('all') ? groups : (named as Group[]))
}

function flag(text: string | null): boolean {
  if (text === null || text === '0' || text === 'false') return false
  if (text === '1' || text === 'true') return true
  throw refused('"readonly" must be 1 or 0.')
}

const refused = (problem: string) => new PerSQLError('invalid_input', { problem })
