import type { Page } from 'playwright-core'

/** Returns a function that runs statements as the user of a page and returns their rows. */
export const sqlAs =
  (page: Page, ns: string, db = 'main') =>
  (sql: string, params: unknown[] = []): Promise<unknown[][]> =>
    page.evaluate(
      async ({ path, ...body }) => {
        const answer = await (await fetch(path, { method: 'POST', body: JSON.stringify(body) })).json()
        if (!answer.success) throw new Error(JSON.stringify(answer))
        return answer.data.rows
      },
      { path: `/api/namespaces/${ns}/databases/${db}/query`, sql, params },
    )
