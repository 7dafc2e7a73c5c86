import { PerSQLError } from '@persql/contract'
import * as z from 'zod'

/** The settings that select the AI model. */
export interface ModelSettings {
  /** The base URL of an OpenAI-compatible API, such as `https://api.openai.com/v1`. */
  readonly AI_BASE_URL?: string
  readonly AI_API_KEY?: string
  readonly AI_MODEL?: string
  /** The Workers AI binding, on Cloudflare. */
  readonly AI?: { run(model: string, input: object): Promise<unknown> }
}

/** The model's response and its token usage. */
export interface Completion {
  readonly text: string
  /** The total tokens of prompt and response, as counted by the provider. */
  readonly tokens: number
}

/** A language model for single requests, without a conversation. */
export interface Model {
  /** @throws PerSQLError `model_failed` */
  complete(system: string, user: string, maxTokens: number): Promise<Completion>
}

const TIMEOUT_MS = 60_000
const MAX_ANSWER = 200_000
const WORKERS_AI_MODEL = '@cf/meta/llama-3.3-70b-instruct-fp8-fast'

type Messages = readonly { readonly role: 'system' | 'user'; readonly content: string }[]
type Ask = (messages: Messages, maxTokens: number) => Promise<Completion>

/**
 * Returns the configured AI model: an OpenAI-compatible API, or the Workers AI binding.
 * @throws PerSQLError `model_unavailable` if no model is set up
 */
export function createAiModel(env: ModelSettings): Model {
  const ask = createProvider(env)
  if (!ask) throw new PerSQLError('model_unavailable')
  return {
    async complete(system, user, maxTokens) {
      const messages: Messages = [
        { role: 'system', content: system },
        { role: 'user', content: user },
      ]
      try {
        return await ask(messages, maxTokens)
      } catch (cause) {
        console.error(JSON.stringify({ level: 'error', event: 'model_failed', cause: String(cause).slice(0, 500) }))
        throw new PerSQLError('model_failed', {}, { cause })
      }
    },
  }
}

function createProvider({
  AI_BASE_URL: url,
  AI_API_KEY: key,
  AI_MODEL: model,
  AI: workersAi,
}: ModelSettings): Ask | undefined {
  if (url && model) return compatible(url, key, model)
  return workersAi && byWorkersAi(workersAi, model ?? WORKERS_AI_MODEL)
}

const Usage = z.object({ prompt_tokens: z.int().min(0), completion_tokens: z.int().min(0) })
const Answer = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
  usage: Usage.nullish(),
})
const WorkersAiAnswer = z.object({ response: z.union([z.string(), z.json()]), usage: Usage.nullish() })

function compatible(url: string, key: string | undefined, model: string): Ask {
  return async (messages, max_tokens) => {
    const response = await fetch(`${url.replace(/\/+$/, '')}/chat/completions`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(key && { Authorization: `Bearer ${key}` }) },
      body: JSON.stringify({ model, messages, max_tokens, temperature: 0 }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) {
      await response.body?.cancel()
      throw new Error(`The AI endpoint responded with ${response.status}.`)
    }
    const said = await response.text()
    if (said.length > MAX_ANSWER) throw new Error('The AI response is too long.')
    const { choices, usage } = Answer.parse(JSON.parse(said))
    const text = choices[0]?.message.content ?? ''
    return { text, tokens: countTokens(usage, messages, text) }
  }
}

function byWorkersAi(ai: NonNullable<ModelSettings['AI']>, model: string): Ask {
  return async (messages, max_tokens) => {
    const answer = WorkersAiAnswer.parse(await ai.run(model, { messages, max_tokens, temperature: 0 }))
    const text = typeof answer.response === 'string' ? answer.response : JSON.stringify(answer.response)
    return { text, tokens: countTokens(answer.usage, messages, text) }
  }
}

/** Returns the tokens used. If the provider doesn't count them, estimates one per four characters. */
function countTokens(usage: z.infer<typeof Usage> | null | undefined, messages: Messages, text: string): number {
  if (usage) return usage.prompt_tokens + usage.completion_tokens
  const characters = messages.reduce((sum, { content }) => sum + content.length, text.length)
  return Math.ceil(characters / 4)
}
