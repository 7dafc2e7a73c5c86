/** File types with their permissions. */
export const [IS_FOLDER, IS_FILE] = [0o040777, 0o100644]

const BYTES = 96

/** Writes Emscripten's `struct stat`. Returns 0, which means success. */
export function writeStat(view: DataView, at: number, inode: number, mode: number, size: number): number {
  for (let i = 0; i < BYTES; i++) view.setUint8(at + i, 0)
  // Device, mode, links, size, preferred block, blocks, inode.
  view.setUint32(at, 1, true)
  view.setUint32(at + 4, mode, true)
  view.setUint32(at + 8, 1, true)
  view.setBigInt64(at + 24, BigInt(size), true)
  view.setUint32(at + 32, 4096, true)
  view.setUint32(at + 36, Math.ceil(size / 512), true)
  view.setBigInt64(at + 88, BigInt(inode), true)
  return 0
}
