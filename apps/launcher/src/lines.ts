import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'

/**
 * Calls `read` with each line that a process writes. The kernel can reset the pipe of a killed process: the pipe then
 * ends, and the `close` event of the process has the reason.
 */
export function onLines(pipe: Readable, read: (line: string) => void): void {
  createInterface({ input: pipe }).on('line', read).on('error', ignore)
  // The interface can close before the pipe is reset.
  pipe.on('error', ignore)
}

const ignore = (): void => {}
