import type { Page } from 'playwright-core'

/** Runs statements in a database of whoever is signed in on a page, and answers their rows. */
export const queryIn =
  (page: Page, ns: string, db = 'main') =>
  (sql: string): Promise<unknown[][]> =>
    page.evaluate(
      async ([path, body]) => {
        const answer = await (await fetch(path as string, { method: 'POST', body: body as string })).json()
        if (!answer.success) throw new Error(answer.error)
        return answer.data.rows
      },
      [`/api/namespaces/${ns}/databases/${db}/query`, JSON.stringify({ sql })],
    )
