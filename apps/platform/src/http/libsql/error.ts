import type { Reply } from '../../reply.ts'

const PROTOCOL_CODES: Readonly<Record<string, string>> = { stream_expired: 'STREAM_EXPIRED' }

/** Returns the message and the code of a failed request, which clients of the protocol read, with its other fields. */
export function toProtocolError({ body }: Pick<Reply, 'body'>): { message: string; code: string } & object {
  const { success: _, error, code, ...more } = JSON.parse(body) as { success: false; error: string; code: string }
  return { message: error, code: PROTOCOL_CODES[code] ?? code, ...more }
}
