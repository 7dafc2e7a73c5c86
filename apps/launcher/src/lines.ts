import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/**
 * Calls `read` with each line that a process writes. The kernel can reset the pipe of a process that is killed: the pipe
 * has then ended, and the event `close` of the process says how.
 */
export function onLines(pipe: Readable, read: (line: string) => void): void {
  createInterface({ input: pipe }).on('line', read).on('error', ignore)
  // The interface may be closed before the pipe is reset.
  pipe.on('error', ignore)
}

const ignore = (): void => {}
