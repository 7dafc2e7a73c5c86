import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A volume in memory that can be filled to the last byte. Mounting it requires root, or sudo without a password. */
export class SmallVolume {
  readonly path: string

  constructor(megabytes: number) {
    this.path = mkdtempSync(join(tmpdir(), 'persql-volume-'))
    asRoot('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,mode=777`, 'tmpfs', this.path)
  }

  get freeBytes(): number {
    const { bsize, bavail } = statfsSync(this.path)
    return bsize * bavail
  }

  /** Fills the volume with a file until this much is free. */
  fill(freeBytes = 0): void {
    const size = this.freeBytes - freeBytes
    if (size <= 0) return
    try {
      writeFileSync(join(this.path, `filler-${process.hrtime.bigint()}`), Buffer.alloc(size))
    } catch (cause) {
      // Another process took some of the room.
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause
    }
  }

  /** Removes the files of `fill`. */
  empty(): void {
    execFileSync('find', [this.path, '-maxdepth', '1', '-name', 'filler-*', '-delete'])
  }

  remove(): void {
    asRoot('umount', '--lazy', this.path)
    rmSync(this.path, { recursive: true })
  }
}

function asRoot(...command: string[]): void {
  const [program = '', ...args] = process.getuid?.() === 0 ? command : ['sudo', '-n', ...command]
  execFileSync(program, args, { stdio: 'pipe' })
}
