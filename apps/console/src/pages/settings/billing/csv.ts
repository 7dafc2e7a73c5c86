import type { Entry } from './ledger.ts'

/** A field of RFC 4180. What a spreadsheet would take for a formula gets an apostrophe in front, as OWASP advises. */
function field(text: string): string {
  const harmless = /^[=+@\t\r]|^-\D/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** Dollars to the nano-dollar, without the exponent that small numbers are written with. */
const exact = (usd: number) => usd.toFixed(9)

/** Entries of the ledger as CSV. */
export const ledgerCsv = (entries: readonly Entry[]): string =>
  [
    ['id', 'at', 'kind', 'amount_usd', 'balance_usd', 'ref', 'detail'],
    ...entries.map(({ id, at, kind, amountUsd, balanceUsd, ref, detail }) => [
      String(id),
      at,
      kind,
      exact(amountUsd),
      exact(balanceUsd),
      ref,
      detail === null ? '' : JSON.stringify(detail),
    ]),
  ]
    .map((row) => `${row.map(field).join(',')}\r\n`)
    .join('')
