import type { Chunks } from './chunks.ts'
import { ChunkedFile } from './file.ts'
import { IS_FILE, IS_FOLDER, writeStat } from './stat.ts'
import { canSuspend, suspending } from './suspension.ts'

/** The initial and maximum memory of the module, which holds the values, cache and sorters of one database. */
const FIRST_PAGES = 128
const MAX_PAGES = 1024
const WASM_PAGE = 65_536
/** The number of reads and writes before other calls can run: a few milliseconds. */
const MOVES_A_TURN = 256

const [ENOENT, EBADF, EINVAL, ENOSYS] = [44, 8, 28, 52]
const [O_CREAT, O_TRUNC] = [64, 512]

interface Open {
  readonly path: string
  readonly file: ChunkedFile
  position: number
}

/**
 * The operating system for SQLite's own file layer: files, a clock, memory. The names and error numbers are
 * Emscripten's, which compiled SQLite.
 */
export class WasiFileSystem {
  readonly memory = new WebAssembly.Memory({ initial: FIRST_PAGES, maximum: MAX_PAGES })
  readonly #chunks: Chunks
  readonly #files = new Map<string, ChunkedFile>()
  readonly #open = new Map<number, Open>()
  #lastFile = 0
  #moves = 0
  readonly #pause: (() => Promise<void>) | undefined

  /** @param pause is awaited regularly by reads and writes, if the runtime supports it */
  constructor(chunks: Chunks, pause: (() => Promise<void>) | undefined) {
    this.#chunks = chunks
    this.#pause = canSuspend ? pause : undefined
  }

  get bytes(): Uint8Array {
    return new Uint8Array(this.memory.buffer)
  }

  /** Returns the file at a path, created first if it is missing. */
  file(path: string): ChunkedFile {
    let file = this.#files.get(path)
    if (!file) {
      file = new ChunkedFile(this.#chunks, ++this.#lastFile)
      this.#files.set(path, file)
    }
    return file
  }

  /** Mounts a file that another instance created. */
  mount(path: string, file: ChunkedFile): void {
    this.#files.set(path, file)
    this.#lastFile = Math.max(this.#lastFile, file.number)
  }

  text(at: number): string {
    const { bytes } = this
    return new TextDecoder().decode(bytes.subarray(at, bytes.indexOf(0, at)))
  }

  get imports(): WebAssembly.Imports {
    const done = () => 0
    const refused = () => -ENOSYS
    return {
      env: {
        memory: this.memory,
        __syscall_openat: (_folder: number, path: number, flags: number) => this.#openAt(this.text(path), flags),
        __syscall_stat64: (path: number, into: number) => this.#stat(this.text(path), into),
        __syscall_lstat64: (path: number, into: number) => this.#stat(this.text(path), into),
        __syscall_newfstatat: (_folder: number, path: number, into: number) => this.#stat(this.text(path), into),
        __syscall_fstat64: (fd: number, into: number) => this.#writeFileStat(this.#open.get(fd)?.file, into, EBADF),
        __syscall_faccessat: (_folder: number, path: number) => (this.#exists(this.text(path)) ? 0 : -ENOENT),
        __syscall_unlinkat: (_folder: number, path: number) => this.#unlink(this.text(path)),
        __syscall_ftruncate64: (fd: number, size: bigint) => this.#truncate(fd, Number(size)),
        __syscall_fcntl64: done,
        __syscall_fchmod: done,
        __syscall_chmod: done,
        __syscall_fchown32: done,
        __syscall_utimensat: done,
        __syscall_ioctl: refused,
        __syscall_getcwd: refused,
        __syscall_mkdirat: refused,
        __syscall_rmdir: refused,
        __syscall_readlinkat: () => -EINVAL,
        _mmap_js: refused,
        _munmap_js: refused,
        _tzset_js: () => {},
        // The time zone is UTC, so all local time fields stay 0.
        _localtime_js: () => {},
        emscripten_date_now: () => Date.now(),
        emscripten_get_now: () => performance.now(),
        emscripten_get_heap_max: () => MAX_PAGES * WASM_PAGE,
        emscripten_resize_heap: (wanted: number) => this.#grow(wanted >>> 0),
      },
      wasi_snapshot_preview1: {
        fd_close: (fd: number) => this.#close(fd),
        fd_read: this.#mover('read'),
        fd_write: this.#mover('write'),
        fd_seek: (fd: number, offset: bigint, from: number, into: number) => this.#seek(fd, Number(offset), from, into),
        fd_sync: done,
        fd_fdstat_get: () => ENOSYS,
        environ_sizes_get: (count: number, size: number) => {
          this.#view.setUint32(count, 0, true)
          this.#view.setUint32(size, 0, true)
          return 0
        },
        environ_get: done,
        clock_time_get: (_clock: number, _precision: bigint, into: number) => {
          this.#view.setBigInt64(into, BigInt(Date.now()) * 1_000_000n, true)
          return 0
        },
      },
    }
  }

  get #view(): DataView {
    return new DataView(this.memory.buffer)
  }

  #exists(path: string): boolean {
    return path === '/tmp' || this.#files.has(path)
  }

  #openAt(path: string, flags: number): number {
    if (!this.#files.has(path) && !(flags & O_CREAT)) return -ENOENT
    const file = this.file(path)
    if (flags & O_TRUNC) file.truncate(0)
    // 0 to 2 are reserved for standard streams.
    let fd = 3
    while (this.#open.has(fd)) fd++
    this.#open.set(fd, { path, file, position: 0 })
    return fd
  }

  #close(fd: number): number {
    const open = this.#open.get(fd)
    if (!open) return EBADF
    this.#open.delete(fd)
    // SQLite unlinks temporary files while they are open.
    const isGone = this.#files.get(open.path) !== open.file
    if (isGone) open.file.truncate(0)
    return 0
  }

  #unlink(path: string): number {
    const file = this.#files.get(path)
    if (!file) return -ENOENT
    this.#files.delete(path)
    if (![...this.#open.values()].some((open) => open.file === file)) file.truncate(0)
    return 0
  }

  #truncate(fd: number, size: number): number {
    const open = this.#open.get(fd)
    if (!open) return -EBADF
    open.file.truncate(size)
    return 0
  }

  #seek(fd: number, offset: number, from: number, into: number): number {
    const open = this.#open.get(fd)
    if (!open) return EBADF
    open.position = offset + ([0, open.position, open.file.size][from] ?? 0)
    this.#view.setBigInt64(into, BigInt(open.position), true)
    return 0
  }

  #mover(how: 'read' | 'write') {
    const move = (fd: number, list: number, count: number, into: number) => this.#move(fd, list, count, into, how)
    const pause = this.#pause
    if (!pause) return move
    return suspending((...args: Parameters<typeof move>) => {
      const code = move(...args)
      return ++this.#moves % MOVES_A_TURN > 0 ? code : pause().then(() => code)
    })
  }

  #move(fd: number, list: number, count: number, into: number, how: 'read' | 'write'): number {
    const open = this.#open.get(fd)
    if (!open) return EBADF
    const { bytes } = this
    let moved = 0
    for (let i = 0; i < count; i++) {
      const [at, length] = [this.#view.getUint32(list + 8 * i, true), this.#view.getUint32(list + 8 * i + 4, true)]
      const part = bytes.subarray(at, at + length)
      const done = how === 'read' ? open.file.read(open.position, part) : length
      if (how === 'write') open.file.write(open.position, part)
      open.position += done
      moved += done
      if (done < length) break
    }
    this.#view.setUint32(into, moved, true)
    return 0
  }

  #stat(path: string, into: number): number {
    if (path === '/tmp') return writeStat(this.#view, into, 1, IS_FOLDER, 0)
    return this.#writeFileStat(this.#files.get(path), into, ENOENT)
  }

  #writeFileStat(file: ChunkedFile | undefined, into: number, error: number): number {
    return file ? writeStat(this.#view, into, file.number + 1, IS_FILE, file.size) : -error
  }

  #grow(wanted: number): boolean {
    const more = Math.ceil((wanted - this.memory.buffer.byteLength) / WASM_PAGE)
    try {
      if (more > 0) this.memory.grow(more)
      return true
    } catch {
      // SQLite gets an out-of-memory error and stops the statement.
      return false
    }
  }
}
