import type { Manifest } from '../apps/launcher/src/backup/manifest.ts'

/** Returns the manifest of a backup, with these parts instead of empty ones. */
export const makeManifest = (startedAt: string, parts: Partial<Manifest>): Manifest => ({
  startedAt,
  endedAt: startedAt,
  writtenBy: '1.0.0',
  dataFormat: { format: 4, writtenBy: '1.0.0', oldestReader: 4 },
  cells: 1,
  objects: [],
  files: [],
  deleted: [],
  damaged: [],
  ...parts,
})

/** Returns the part of a manifest that names files with these hashes. */
export const nameFiles = (hashes: readonly string[]): Pick<Manifest, 'files'> => ({
  files: hashes.map((sha256) => ({ path: 'secret', sha256, bytes: 1 })),
})
