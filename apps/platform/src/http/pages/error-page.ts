import { toRequestError } from '../../reply.ts'
import { escapeHtml, page } from './html-page.ts'

/** Returns the page, or an error page if `work` throws. */
export async function withErrorPage(requestId: string, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (cause) {
    const error = toRequestError(cause, requestId)
    return page('Something went wrong', [escapeHtml(error.message), '<p><a href="/">Go to the console</a></p>'], {
      status: error.status,
    })
  }
}
