import { resolve } from 'node:path'

/** Returns the path of a folder, which is then absolute, or a URL of S3; `undefined` if the text is neither. */
export function parseTarget(text: string): string | undefined {
  const [scheme] = /^[a-z][a-z0-9+.-]+:\/\//i.exec(text) ?? []
  if (scheme === 's3://') return text
  return text === '' || scheme !== undefined ? undefined : resolve(text)
}
