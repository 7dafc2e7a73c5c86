import type { Entry } from './ledger.ts'

/**
 * Formats a field as in RFC 4180. Text that a spreadsheet would run as a formula gets an apostrophe, as OWASP advises.
 */
function field(text: string): string {
  const harmless = /^[=+@\t\r]|^-\D/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

/** Formats dollars to the nano-dollar. The default format of small numbers has an exponent. */
const exact = (usd: number) => usd.toFixed(9)

/** Formats ledger entries as CSV. */
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
