import type { Page } from 'playwright-core'

/** Runs statements in the database `main` as whoever is signed in on a page. */
export const sqlAs =
  (page: Page, ns: string) =>
  (sql: string, params: unknown[] = []): Promise<unknown[][]> =>
    page.evaluate(
      async ({ ns, ...body }) => {
        const path = `/api/namespaces/${ns}/databases/main/query`
        const answer = await (await fetch(path, { method: 'POST', body: JSON.stringify(body) })).json()
        if (!answer.success) throw new Error(JSON.stringify(answer))
        return answer.data.rows
      },
      { ns, sql, params },
    )
