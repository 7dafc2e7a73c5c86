/** The suggested top-up, in dollars. */
const SUGGESTED_USD = 25

/**
 * Returns a payment offer for programs: x402 version 1 in the body, version 2 in the `PAYMENT-REQUIRED` header. Both
 * refer to the top-up operation, which opens a payment page in dollars. No wallet is involved.
 */
export function paymentRequired(baseUrl: string): { body: object; header: string } {
  const url = `${baseUrl}/v1/billing/topup`
  const description = "Add funds to this namespace's prepaid balance. Returns a payment page."
  const amount = String(SUGGESTED_USD * 100)
  const terms = { scheme: 'exact', network: 'fiat:usd', asset: 'usd', payTo: url, maxTimeoutSeconds: 3600 }
  const extra = { unit: 'cent', suggestedAmountUsd: SUGGESTED_USD, minimumAmountUsd: 5 }
  const input = { type: 'http', method: 'POST', bodyType: 'json', bodyFields: { amountUsd: 'number' } }
  const accept = {
    ...terms,
    maxAmountRequired: amount,
    resource: url,
    description,
    mimeType: 'application/json',
    outputSchema: { input, output: { url: 'string', sessionId: 'string' } },
    extra,
  }
  const second = {
    x402Version: 2,
    error: 'Insufficient balance',
    resource: { url, description, mimeType: 'application/json' },
    accepts: [{ ...terms, amount, extra: { ...extra, input } }],
  }
  return { body: { x402Version: 1, accepts: [accept] }, header: btoa(JSON.stringify(second)) }
}

/** The JSON Schema of the offer in the body. */
export const paymentRequiredSchema = {
  type: 'object',
  description: 'An x402 offer (version 1) to pay in US dollars. Call "resource" to create the payment page.',
  properties: {
    x402Version: { const: 1 },
    accepts: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          scheme: { type: 'string' },
          network: { type: 'string' },
          asset: { type: 'string' },
          maxAmountRequired: { type: 'string' },
          payTo: { type: 'string', format: 'uri' },
          resource: { type: 'string', format: 'uri' },
          description: { type: 'string' },
          mimeType: { type: 'string' },
          maxTimeoutSeconds: { type: 'integer' },
          outputSchema: { type: 'object' },
          extra: { type: 'object' },
        },
        required: ['scheme', 'network', 'asset', 'maxAmountRequired', 'payTo', 'resource', 'maxTimeoutSeconds'],
      },
    },
  },
  required: ['x402Version', 'accepts'],
} as const
