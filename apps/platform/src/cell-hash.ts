import { crc32 } from 'node:zlib'

/**
 * Returns the cell of a namespace: the CRC-32 of its name, modulo the number of cells. Reverse proxies compute it too,
 * and files of namespaces are in the folder of their cell, so it never changes.
 */
export const hashToCell = (namespace: string, cells: number): number => crc32(namespace) % cells
