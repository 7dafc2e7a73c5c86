import { statSync } from 'node:fs'

/** Returns the size of a file, which is 0 if it is missing. */
export const getFileSize = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0
