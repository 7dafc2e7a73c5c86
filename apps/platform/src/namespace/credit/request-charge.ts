/** The money that requests of the namespace itself are paid from. */
interface Purse {
  /** Reclaims credit from databases if too little is free. Returns whether all of them returned it. */
  reclaim(): Promise<boolean>
  /** Checks that the free balance covers one more request. */
  assertFree(isComplete: boolean): void
  /** Debits one request. */
  debit(): void
}

/** Bills one request. Check and debit are one turn, because requests that waited together continue together. */
export async function chargeRequest(purse: Purse): Promise<void> {
  purse.assertFree(await purse.reclaim())
  purse.debit()
}
