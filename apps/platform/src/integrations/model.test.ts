import { expect, test, vi } from 'vitest'
import { createAiModel, type ModelSettings } from './model.ts'

/** Returns an environment with a Workers AI binding that returns this response. */
function workersAi(answer: unknown, settings: ModelSettings = {}) {
  const asked: { model: string; input: unknown }[] = []
  const AI = {
    run: async (model: string, input: object) => {
      asked.push({ model, input })
      return answer
    },
  }
  return { asked, model: createAiModel({ AI, ...settings }) }
}

test('Workers AI is asked where it is bound, with a model of one’s choice', async () => {
  const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }
  const { asked, model } = workersAi({ response: 'hello', usage }, { AI_MODEL: '@cf/some/model' })
  expect(await model.complete('system', 'user', 7)).toEqual({ text: 'hello', tokens: 15 })
  expect(asked).toEqual([
    {
      model: '@cf/some/model',
      input: {
        messages: [
          { role: 'system', content: 'system' },
          { role: 'user', content: 'user' },
        ],
        max_tokens: 7,
        temperature: 0,
      },
    },
  ])
})

test('an answer that comes as an object counts as its JSON, and one without a count by its length', async () => {
  const { asked, model } = workersAi({ response: { sql: 'SELECT 1' } })
  const text = '{"sql":"SELECT 1"}'
  expect(await model.complete('abcd', 'efgh', 7)).toEqual({ text, tokens: Math.ceil((8 + text.length) / 4) })
  expect(asked[0]?.model).toMatch(/^@cf\//)
})

test.each([undefined, null, {}, { response: 7, usage: { prompt_tokens: -1 } }])('%j is a failure', async (answer) => {
  const log = vi.spyOn(console, 'error').mockReturnValue()
  await expect(workersAi(answer).model.complete('s', 'u', 1)).rejects.toMatchObject({ code: 'model_failed' })
  expect(log).toHaveBeenCalledOnce()
  log.mockRestore()
})

test('without settings, no model is available', () => {
  expect(() => createAiModel({})).toThrow(expect.objectContaining({ code: 'model_unavailable' }))
  expect(() => createAiModel({ AI_BASE_URL: 'https://models.example' })).toThrow(
    expect.objectContaining({ code: 'model_unavailable' }),
  )
})
