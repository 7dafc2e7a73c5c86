import { toRequestError } from '../../reply.ts'
import { explainFailure } from '../../storage/sqlite-failures.ts'
import { escapeHtml, page } from './html-page.ts'

const TITLES: Readonly<Record<number, string>> = { 403: 'Not allowed', 404: 'Not found', 409: 'Not possible' }

/** Returns the page, or an error page if `work` throws. */
export async function withErrorPage(requestId: string, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (cause) {
    const error = toRequestError(await explainFailure(cause), requestId)
    return page(
      TITLES[error.status] ?? 'Something went wrong',
      [escapeHtml(error.message), '<p><a href="/">Go to the console</a></p>'],
      { status: error.status },
    )
  }
}
