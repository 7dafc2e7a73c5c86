import type { Kind } from './rules.ts'

/**
 * Scopes that the check counts and does not fail on yet: `kind:area`, or `kind:area/rule`. `*` stands for any area.
 * Remove a line when `npm run check:words -- --report` counts zero for it. The list ends empty.
 */
export const notEnforced: readonly string[] = [
  'text:platform',
  'text:test',
  'identifier:cli',
  'identifier:console',
  'identifier:platform',
  'identifier:sdk',
  'identifier:test',
  // Names such as `webhookOf`: "Code" in docs/writing.md has what they become.
  'identifier:*/of-name',
]

/** Files that quote what the guide bans. */
export const exempt: readonly string[] = ['tools/words/words.test.ts']

/** Returns the area of a path: the app or package it belongs to, or its top-level folder. */
export function getArea(path: string): string {
  const [top = '', second = ''] = path.split('/')
  if ((top === 'apps' || top === 'packages') && !second.includes('.')) return second
  return path.includes('/') ? top : 'root'
}

/** Returns whether a finding fails the check. */
export function isEnforced(kind: Kind, area: string, rule: string, list = notEnforced): boolean {
  return ![`${kind}:${area}`, `${kind}:*`, `${kind}:${area}/${rule}`, `${kind}:*/${rule}`].some((entry) =>
    list.includes(entry),
  )
}
