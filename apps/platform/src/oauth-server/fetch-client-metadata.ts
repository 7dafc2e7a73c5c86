import { PerSQLError } from '@persql/contract'
import { now } from '../clock.ts'
import type { Env } from '../env.ts'
import { getSettings } from '../settings.ts'
import { parseMaxAge, toClientRecord, urlProblem } from './client-metadata.ts'

const TIMEOUT_MS = 5_000
const MAX_BYTES = 64 * 1024
const MAX_KEPT = 1_000

// One bounded cache per isolate for client documents, with the cache times that their sites allow.
const kept = new Map<string, { readonly record: object; readonly untilMs: number }>()

/**
 * Fetches the client that a document describes. Anyone can pass any URL, so the response is limited in size, time and
 * redirects, and must come from a public IP address. @throws PerSQLError `oauth_client_invalid`
 */
export async function fetchClientMetadata(url: string, env: Env): Promise<object> {
  const known = kept.get(url)
  if (known && known.untilMs > now()) return known.record
  const problem = urlProblem(url, getSettings(env).dev)
  if (problem) throw invalid(problem)
  const { text, ageS } = await fetched(url, env)
  const record = toClientRecord(url, text)
  if (typeof record === 'string') throw invalid(record)
  kept.delete(url)
  if (kept.size >= MAX_KEPT) kept.delete(kept.keys().next().value as string)
  kept.set(url, { record, untilMs: now() + ageS * 1000 })
  return record
}

async function fetched(url: string, env: Env): Promise<{ text: string; ageS: number }> {
  // `PUBLIC_NETWORK` refuses private IP addresses after name resolution. http is for development only.
  const network = url.startsWith('https:') ? (env.PUBLIC_NETWORK ?? globalThis) : globalThis
  try {
    const response = await network.fetch(url, {
      headers: { Accept: 'application/json' },
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (response.status !== 200) throw invalid("the URL doesn't return the document")
    if (!/^application\/([\w.-]+\+)?json\b/i.test(response.headers.get('Content-Type') ?? '')) {
      throw invalid("the document's content type must be application/json")
    }
    return { text: await limited(response), ageS: parseMaxAge(response.headers.get('Cache-Control')) }
  } catch (cause) {
    if (cause instanceof PerSQLError) throw cause
    throw new PerSQLError('oauth_client_invalid', { problem: "the document couldn't be fetched" }, { cause })
  }
}

async function limited({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of (body ?? []) as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.length
    if (size > MAX_BYTES) throw invalid('the document exceeds 64 KB')
    chunks.push(chunk)
  }
  return new Blob(chunks).text()
}

const invalid = (problem: string) => new PerSQLError('oauth_client_invalid', { problem })
