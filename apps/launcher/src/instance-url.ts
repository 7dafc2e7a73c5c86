import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Returns the URL of the instance on a data folder: the given one, that of `bootstrap.json`, or the default. */
export function findInstanceUrl(data: string, given: string | undefined): string {
  const url = given ?? readBootstrapUrl(data) ?? 'http://127.0.0.1:8787'
  return url.replace(/\/+$/, '')
}

function readBootstrapUrl(data: string): string | undefined {
  try {
    return (JSON.parse(readFileSync(join(data, 'bootstrap.json'), 'utf8')) as { url?: string }).url
  } catch {
    return undefined
  }
}
