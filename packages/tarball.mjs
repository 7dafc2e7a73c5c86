// @ts-check
import { constants, gzipSync } from 'node:zlib'

/** npm gives each file of a package this time, in seconds: tarballs of the same files are the same. */
const MODIFIED_S = Date.parse('1985-10-26T08:15:00Z') / 1000
const BLOCK = 512

/** @typedef {{ path: string, content: Buffer, isProgram: boolean }} PackedFile */

/**
 * Returns a compressed tarball for npm. The same files result in the same bytes.
 *
 * @param {readonly PackedFile[]} files with paths that are relative to the package
 */
export function toTarball(files) {
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : 1))
  const blocks = sorted.flatMap((file) => [toHeader(file), file.content, Buffer.alloc(padding(file.content.length))])
  // The operating system in the header of gzip depends on the machine: 255 stands for an unknown one.
  const tarball = gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]), {
    level: constants.Z_BEST_COMPRESSION,
  })
  tarball[9] = 255
  return tarball
}

/** @param {number} length */
const padding = (length) => (BLOCK - (length % BLOCK)) % BLOCK

/** @param {PackedFile} file */
function toHeader({ path, content, isProgram }) {
  const name = `package/${path}`
  if (Buffer.byteLength(name) > 100) throw new Error(`The path ${path} is too long for a tarball: at most 92 bytes.`)
  const header = Buffer.alloc(BLOCK)
  const fields = /** @type {const} */ ([
    [0, name],
    [100, isProgram ? '0000755' : '0000644'],
    [108, '0000000'],
    [116, '0000000'],
    [124, content.length.toString(8).padStart(11, '0')],
    [136, MODIFIED_S.toString(8).padStart(11, '0')],
    // The checksum is computed with spaces in its place.
    [148, '        '],
    [156, '0'],
    [257, 'ustar\0' + '00'],
  ])
  for (const [offset, text] of fields) header.write(text, offset, 'latin1')
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1')
  return header
}
