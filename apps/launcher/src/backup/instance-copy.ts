import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { basename, join, relative, sep } from 'node:path'
import type Sqlite from 'libsql'
import { hashToCell } from '../../../platform/src/cell-hash.ts'
import { type Check, findDamage } from '../check-files.ts'
import { readCells } from '../data-format.ts'
import { findUse, type Kind, objectFile, readFile } from '../object-files.ts'
import { objectsFolder } from '../workerd-process.ts'
import { isListed } from './live-records.ts'
import type { DatabaseFacts, Manifest, ObjectCopy } from './manifest.ts'
import { type Content, copyObject, copyTogether, readSourceState } from './object-copy.ts'
import {
  type DirectoryEntry,
  findMismatch,
  findUnsent,
  type KnownDatabase,
  type NamespaceFacts,
  readDatabaseFacts,
  readDirectory,
  readNamespaceFacts,
} from './object-facts.ts'
import type { StoredFiles } from './stored-files.ts'

/** A complete check would take longer than the copy. `verify` runs it. */
const check: Check = 'quick_check'
/** The classes whose objects have native alarms, which the runtime lists in a file of the class. */
const withAlarms = ['namespace', 'directory'] as const

type Read<T> = (sqlite: Sqlite.Database) => T

/** A file of an object. */
interface CopyTarget {
  readonly kind: Kind
  readonly name: string
  readonly cell: number
  readonly file: string
}

export interface InstanceCopyOptions {
  readonly data: string
  /** The files of the target. */
  readonly files: StoredFiles
  /** An empty folder for one copy at a time. */
  readonly folder: string
  /** The copies of an earlier backup, whose files the target has. */
  readonly known: readonly ObjectCopy[]
}

/** Copies the objects of an instance to a target, and remembers the copies. */
export class InstanceCopy {
  readonly #options: InstanceCopyOptions
  readonly #cells: number
  readonly #known: ReadonlyMap<string, ObjectCopy>
  readonly #copies = new Map<string, ObjectCopy>()
  readonly #damaged = new Map<string, Manifest['damaged'][number]>()
  readonly #deleted = new Map<string, Manifest['deleted'][number]>()
  readonly #missing = new Set<string>()
  /** The copied namespaces. */
  readonly namespaces = new Map<string, NamespaceFacts>()

  constructor(options: InstanceCopyOptions) {
    this.#options = options
    this.#cells = readCells(options.data)
    this.#known = new Map(options.known.map((copy) => [copy.path, copy]))
  }

  get objects(): ObjectCopy[] {
    return [...this.#copies.values()]
  }

  get damaged(): Manifest['damaged'] {
    return [...this.#damaged.values()]
  }

  get deleted(): Manifest['deleted'] {
    return [...this.#deleted.values()]
  }

  /** Returns whether the file of a namespace was missing when it should have been copied. */
  isMissing(slug: string): boolean {
    return this.#missing.has(slug)
  }

  /** Copies a namespace, then its databases. A repeated call replaces the copies. */
  async copyNamespace(slug: string): Promise<void> {
    this.#forget(slug)
    const facts = await this.#copyFacts('namespace', slug, readNamespaceFacts)
    if (facts === undefined) {
      this.#missing.add(slug)
      return
    }
    await this.#addNamespace(slug, facts)
  }

  /** Copies namespaces as they are at one moment, then the databases of each. It replaces earlier copies. */
  async copyNamespacesTogether(slugs: readonly string[]): Promise<void> {
    const { data, folder } = this.#options
    const files = slugs.map((slug, index) => {
      return { file: objectFile(data, 'namespace', slug), copy: join(folder, `namespace-${index}.sqlite`) }
    })
    try {
      const contents = await copyTogether(files, (opened) => {
        const facts = opened.map(readNamespaceFacts)
        return findUnsent(new Map(slugs.map((slug, index) => [slug, facts[index] as NamespaceFacts]))).length === 0
      })
      for (const [index, slug] of slugs.entries()) {
        this.#forget(slug)
        const target = this.#toTarget('namespace', slug)
        const copy = files[index]?.copy ?? ''
        const facts = await this.#keepCopy(target, copy, contents[index], undefined, readNamespaceFacts)
        if (facts === undefined) this.#missing.add(slug)
        else await this.#addNamespace(slug, facts)
      }
    } catch (cause) {
      if (!isDamage(cause)) throw cause
      // Copied one by one, the damaged file is found.
      for (const slug of slugs) await this.copyNamespace(slug)
    } finally {
      for (const { copy } of files) await removeDatabase(copy)
    }
  }

  async #addNamespace(slug: string, facts: NamespaceFacts): Promise<void> {
    this.namespaces.set(slug, facts)
    for (const database of facts.databases) await this.#copyDatabase(slug, database)
  }

  /** Leaves a namespace with its databases out of the backup, which lists it with the problem. */
  leaveOut(slug: string, problem: string): void {
    this.#forget(slug)
    this.#addDamage(slug, objectFile(this.#options.data, 'namespace', slug), problem)
  }

  /** Copies the Directory, and the runtime's lists of alarms. Returns the slugs in it; `undefined` if it is damaged. */
  async copyDirectory(): Promise<DirectoryEntry[] | undefined> {
    const entries = await this.#copyFacts('directory', 'directory', readDirectory)
    for (let cell = 0; cell < this.#cells; cell++) {
      for (const kind of withAlarms) {
        const file = join(objectsFolder(this.#options.data, cell), kind, 'metadata.sqlite')
        await this.#take({ kind, name: 'metadata', cell, file }, () => undefined)
      }
    }
    for (const { slug, isDeleted } of entries ?? []) {
      if (this.#missing.has(slug) && !isDeleted)
        this.#addDamage(slug, objectFile(this.#options.data, 'namespace', slug), 'missing')
    }
    return entries
  }

  async #copyDatabase(namespace: string, known: KnownDatabase): Promise<void> {
    const name = `${namespace}/${known.slug}`
    const file = objectFile(this.#options.data, 'database', name)
    const facts = await this.#copyFacts('database', name, readDatabaseFacts)
    if (known.status === 'deleting') return
    const problem = findMismatch(known, facts)
    if (problem !== undefined) {
      this.#copies.delete(this.#toPath(file))
      if (await this.#isListed(namespace, known.id)) this.#addDamage(name, file, problem)
      else {
        this.#damaged.delete(name)
        this.#deleted.set(known.id, { namespace, id: known.id })
      }
      return
    }
    for (const id of facts?.snapshots ?? []) await this.#copySnapshot(namespace, name, id)
  }

  async #copySnapshot(namespace: string, database: string, id: string): Promise<void> {
    const { data } = this.#options
    const name = `${database}@${id}`
    if ((await this.#copyFacts('database', name, readDatabaseFacts)) !== undefined) return
    if (await this.#isListed(database, id)) this.#addDamage(name, objectFile(data, 'database', name), 'missing')
    else {
      this.#damaged.delete(name)
      this.#deleted.set(id, { namespace, id })
    }
  }

  async #copyFacts<T>(kind: Kind, name: string, read: Read<T>): Promise<T | undefined> {
    return this.#take(this.#toTarget(kind, name), read)
  }

  #toTarget(kind: Kind, name: string): CopyTarget {
    const [namespace = ''] = name.split('/')
    const cell = kind === 'directory' ? 0 : hashToCell(namespace, this.#cells)
    return { kind, name, cell, file: objectFile(this.#options.data, kind, name) }
  }

  /** Copies a file unless it is unchanged, and reads the copy. Returns `undefined` for a missing or damaged file. */
  async #take<T>(target: CopyTarget, read: Read<T>): Promise<T | undefined> {
    const { kind, file } = target
    const path = this.#toPath(file)
    const source = await readSourceState(file)
    const known = this.#known.get(path)
    if (known && source !== undefined && known.source === source) {
      // The other classes have few facts that a manifest could contain, and their files aren't deleted.
      const facts =
        kind === 'database' ? (known.database as T) : readFile(file, read, await findUse(this.#options.data))
      if (kind === 'database' || (await readSourceState(file)) === source) {
        this.#copies.set(path, known)
        return facts
      }
    }
    const copy = join(this.#options.folder, 'object.sqlite')
    try {
      return await this.#keepCopy(target, copy, await copyObject(file, copy), source, read)
    } catch (cause) {
      if (!isDamage(cause)) throw cause
      // The running instance can have deleted it.
      if (existsSync(file)) this.#addDamage(target.name, file, (cause as Error).message)
      return undefined
    } finally {
      await removeDatabase(copy)
    }
  }

  /** Checks a copy, stores it and returns what it contains; `undefined` for a file without content. */
  async #keepCopy<T>(
    { kind, name, cell, file }: CopyTarget,
    copy: string,
    content: Content | undefined,
    source: string | undefined,
    read: Read<T>,
  ): Promise<T | undefined> {
    if (content === undefined) return undefined
    const problem = findDamage(copy, 'unused', check)
    if (problem !== undefined) throw new DamagedFileError(problem)
    const facts = readFile(copy, read, 'unused')
    await this.#options.files.keep(content.sha256, { path: copy }, content.bytes)
    const path = this.#toPath(file)
    const object = basename(file, '.sqlite')
    const database = kind === 'database' ? (facts as DatabaseFacts) : undefined
    this.#copies.set(path, toCopy({ class: kind, name, object, cell, path }, content, source, database))
    return facts
  }

  async #isListed(owner: string, id: string): Promise<boolean> {
    const { data } = this.#options
    return isListed(data, owner, id, await findUse(data))
  }

  #addDamage(name: string, file: string, problem: string): void {
    if (!this.#damaged.has(name)) this.#damaged.set(name, { name, path: this.#toPath(file), problem })
  }

  #toPath(file: string): string {
    return relative(this.#options.data, file).split(sep).join('/')
  }

  /** Forgets the copies of a namespace and its databases. */
  #forget(slug: string): void {
    const isOwn = (name: string) => name === slug || name.startsWith(`${slug}/`)
    this.namespaces.delete(slug)
    this.#missing.delete(slug)
    for (const [path, { name }] of this.#copies) if (isOwn(name)) this.#copies.delete(path)
    for (const name of this.#damaged.keys()) if (isOwn(name)) this.#damaged.delete(name)
    for (const [id, { namespace }] of this.#deleted) if (namespace === slug) this.#deleted.delete(id)
  }
}

class DamagedFileError extends Error {
  override readonly name = 'DamagedFileError'
}

const removeDatabase = async (file: string): Promise<void> => {
  for (const suffix of ['', '-wal', '-shm']) await rm(file + suffix, { force: true })
}

const isDamage = (cause: unknown): boolean =>
  cause instanceof DamagedFileError ||
  /^SQLITE_(CORRUPT|NOTADB|CANTOPEN|IOERR|ERROR)/.test(String((cause as { code?: string }).code))

const toCopy = (
  object: Omit<ObjectCopy, 'sha256' | 'bytes' | 'source' | 'database'>,
  { sha256, bytes }: Content,
  source: string | undefined,
  database: DatabaseFacts | undefined,
): ObjectCopy => ({ ...object, sha256, bytes, ...(source !== undefined && { source }), ...(database && { database }) })
