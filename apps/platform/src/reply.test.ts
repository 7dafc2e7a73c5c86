import { PerSQLError } from '@persql/contract'
import { afterEach, expect, test, vi } from 'vitest'
import { type Reply, refuse, refuseRequest, withRequestId } from './reply.ts'

afterEach(() => vi.restoreAllMocks())

/** Returns the entries that `work` logs. */
function logged(work: () => void): Record<string, unknown>[] {
  const log = vi.spyOn(console, 'error').mockImplementation(() => {})
  work()
  return log.mock.calls.map(([line]) => JSON.parse(line as string) as Record<string, unknown>)
}
const message = (id: string) => `${new PerSQLError('internal').message} Request ID: ${id}.`

test('an unknown failure of a request becomes "internal" with its ID, in the message, in a field and in the log', () => {
  let reply: Reply | undefined
  const [entry] = logged(() => {
    reply = refuseRequest(new Error('secret cause'), 'req-1')
  })
  expect(entry).toMatchObject({ event: 'internal_error', requestId: 'req-1', cause: expect.stringContaining('secret') })
  expect(reply).toMatchObject({ status: 500, code: 'internal' })
  expect(JSON.parse(reply?.body ?? '')).toEqual({
    ...{ success: false, error: message('req-1'), code: 'internal', requestId: 'req-1' },
  })
})

test('any other failure has no ID', () => {
  const { body } = refuseRequest(new PerSQLError('token_missing'), 'req-1')
  expect(body).not.toContain('req-1')
})

test('the failure of an object gets the ID of the request, and the log connects both entries', () => {
  let reply: Reply | undefined
  const [first, second] = logged(() => {
    const own = refuse(new PerSQLError('internal', {}, { extra: { applied: 2 } }))
    reply = withRequestId(own, 'req-1')
  })
  expect(first?.errorId).toMatch(/^[0-9a-f-]{36}$/)
  expect(second).toMatchObject({ requestId: 'req-1', errorId: first?.errorId })
  expect(JSON.parse(reply?.body ?? '')).toEqual({
    ...{ success: false, error: message('req-1'), code: 'internal', applied: 2, requestId: 'req-1' },
  })
})
