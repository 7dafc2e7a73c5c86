import { describe, expect, test } from 'vitest'
import { CallingPage } from './page-origin.ts'

const APP = 'https://app.example.com'

describe('a page can read', () => {
  test('errors only, until the token is known', () => {
    const page = new CallingPage(APP)
    expect([200, 204, 400, 401, 429, 500].filter((status) => page.canRead(status))).toEqual([400, 401, 429, 500])
  })

  test('everything with a token that lists its origin', () => {
    const page = new CallingPage(APP)
    page.admit(['https://b.example', APP])
    expect([page.canRead(200), page.canRead(402)]).toEqual([true, true])
  })

  test('nothing with a token without origins', () => {
    const page = new CallingPage(APP)
    page.admit(null)
    expect([page.canRead(200), page.canRead(402)]).toEqual([false, false])
  })

  test('the refusal of a token that does not list its origin', () => {
    const page = new CallingPage('https://app.example.com.evil.example')
    expect(() => page.admit([APP])).toThrow(expect.objectContaining({ code: 'origin_not_allowed' }))
    expect([page.canRead(200), page.canRead(403)]).toEqual([false, true])
  })
})
