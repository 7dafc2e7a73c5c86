import type { Reply } from '../../reply.ts'

/** A response whose body is too large for a text. */
type StreamedReply = Reply & Required<Pick<Reply, 'rest'>>

export const isStreamed = (reply: Reply): reply is StreamedReply => reply.rest !== undefined

/** Returns the body of a response as a stream. The runtime forwards the middle without reading it. */
export function streamBody({ body, rest }: StreamedReply): ReadableStream {
  const { readable, writable } = new IdentityTransformStream()
  const write = async (text: string, isLast: boolean): Promise<void> => {
    const writer = writable.getWriter()
    await writer.write(new TextEncoder().encode(text))
    if (isLast) await writer.close()
    else writer.releaseLock()
  }
  const send = async (): Promise<void> => {
    await write(body, false)
    await rest.stream.pipeTo(writable, { preventClose: true })
    await write(rest.after, true)
  }
  // A caller that went away, or a result that was cut off, ends the response early.
  send().catch((cause) => writable.abort(cause).catch(() => {}))
  return readable
}
