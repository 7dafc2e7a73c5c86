import { getContext } from '../../context.ts'
import type { Env } from '../../env.ts'
import { platformOpenApi } from './openapi.ts'

const MAX_TEXTS = 20

// Cached by base URL. The cache is bounded: callers choose the base URL by `Host` unless `PERSQL_URL` is set.
const texts = new Map<string, string>()

/** Returns the OpenAPI document of this instance. It is public, also for pages of other sites. */
export function answerOpenApi(request: Request, env: Env): Response {
  const { baseUrl } = getContext(request, env)
  let text = texts.get(baseUrl)
  if (text === undefined) {
    text = JSON.stringify(platformOpenApi(baseUrl))
    if (texts.size >= MAX_TEXTS) texts.clear()
    texts.set(baseUrl, text)
  }
  return new Response(text, { headers: HEADERS })
}

const HEADERS = {
  'Content-Type': 'application/json',
  'Access-Control-Allow-Origin': '*',
  'Cache-Control': 'public, max-age=300',
}
