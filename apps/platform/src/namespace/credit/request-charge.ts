import { PerSQLError } from '@persql/contract'
import { REQUEST_NANO } from '../../money.ts'

/** The money that requests of the namespace itself are paid from. */
interface Purse {
  /** Reclaims credit from databases if too little is free. */
  reclaim(): Promise<void>
  freeNano(): number
  /** Debits one request. */
  debit(): void
}

/**
 * Bills one request. Check and debit are one turn, because requests that waited together continue together.
 * @throws PerSQLError `insufficient_balance`
 */
export async function chargeRequest(purse: Purse): Promise<void> {
  await purse.reclaim()
  if (purse.freeNano() < REQUEST_NANO) throw new PerSQLError('insufficient_balance')
  purse.debit()
}
