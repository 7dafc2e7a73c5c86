import { contextOf } from '../../context.ts'
import type { Env } from '../../env.ts'
import { platformOpenApi } from './openapi.ts'

const MAX_TEXTS = 20

// By base URL, which callers choose by their `Host` where none is set: bounded.
const texts = new Map<string, string>()

/** The document of this instance, for anybody, also for pages of other sites. */
export function answerOpenApi(request: Request, env: Env): Response {
  const { baseUrl } = contextOf(request, env)
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
