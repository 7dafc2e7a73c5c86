import { PerSQLError } from '@persql/contract'
import { describe, expect, test } from 'vitest'
import { REQUEST_NANO } from '../../money.ts'
import { chargeRequest } from './request-charge.ts'

/** Creates a purse whose credit a database holds until `giveBack` is called. */
function createPurse(requests: number) {
  let freeNano = 0
  let returned = (_isComplete: boolean) => {}
  const reclaimed = new Promise<boolean>((resolve) => {
    returned = resolve
  })
  return {
    reclaim: () => reclaimed,
    freeNano: () => freeNano,
    assertFree(isComplete: boolean) {
      if (freeNano < REQUEST_NANO) throw new PerSQLError(isComplete ? 'insufficient_balance' : 'unavailable')
    },
    debit() {
      freeNano -= REQUEST_NANO
    },
    giveBack() {
      freeNano = requests * REQUEST_NANO
      returned(true)
    },
  }
}

describe('requests that wait together for credit', () => {
  test.each([
    [0, 3],
    [1, 2],
    [1, 20],
    [5, 20],
    [20, 20],
  ])('spend the credit for %d requests once, if there are %d', async (credit, requests) => {
    const purse = createPurse(credit)
    const charges = Array.from({ length: requests }, () => chargeRequest(purse))
    purse.giveBack()
    const outcomes = await Promise.allSettled(charges)
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(credit)
    expect(purse.freeNano()).toBe(0)
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') expect(outcome.reason.code).toBe('insufficient_balance')
    }
  })
})
