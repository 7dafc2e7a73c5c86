import { randomUUID } from 'node:crypto'
import { link, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Readable } from 'node:stream'
import { StoreError } from './store-error.ts'
import { checkBlobName, isBlobName, type StreamingStore, toContent } from './streaming-store.ts'

/** Unfinished blobs. The name can't be that of a blob. */
const draftFolder = '.unfinished'
/** After this time, an unfinished blob was left by a process that was killed. */
const abandonedAfterMs = 24 * 60 * 60 * 1_000
const folderMode = 0o700
const fileMode = 0o600

/**
 * Opens a folder as the store of backups. The first write creates it. Only the user of the process can read its files.
 * Problems with the disk or with permissions are a `StoreError`.
 */
export function openFolderStore(path: string): StreamingStore {
  const root = resolve(path)
  const drafts = join(root, draftFolder)
  const locate = (name: string): string => {
    checkBlobName(name)
    return join(root, name)
  }
  let isSwept = false

  /** Writes the content to the disk, then has `publish` give it a name. */
  const store = async <T>(content: AsyncIterable<Uint8Array>, publish: (draft: string) => Promise<T>): Promise<T> => {
    await makeFolder(drafts)
    if (!isSwept) await removeAbandoned(drafts)
    isSwept = true
    const draft = join(drafts, randomUUID())
    try {
      await writeDurably(draft, content)
      return await publish(draft)
    } finally {
      await rm(draft, { force: true })
    }
  }

  const writeStream = (name: string, content: AsyncIterable<Uint8Array>): Promise<void> =>
    explained(root, async () => {
      const file = locate(name)
      await store(content, async (draft) => {
        await makeFolder(dirname(file))
        await rename(draft, file)
        await syncFolder(dirname(file))
      })
    })

  return {
    writeStream,
    write: (name, file) => writeStream(name, toContent(file)),
    create: (name, text) =>
      explained(root, async () => {
        const file = locate(name)
        return store(toContent({ text }), async (draft) => {
          await makeFolder(dirname(file))
          const isNew = await publishNew(draft, file)
          await syncFolder(dirname(file))
          return isNew
        })
      }),
    has: (name) => explained(root, async () => (await unlessMissing(stat(locate(name)), undefined))?.isFile() === true),
    read: (name) => explained(root, () => openFile(locate(name))),
    delete: (name) => explained(root, () => rm(locate(name), { force: true })),
    async *list(prefix) {
      const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1)
      if (folder !== '') checkBlobName(folder.slice(0, -1))
      for await (const blob of listFolder(root, folder)) if (blob.name.startsWith(prefix)) yield blob
    },
  }
}

async function* listFolder(root: string, folder: string): AsyncGenerator<{ name: string; bytes: number }> {
  const entries = await explained(root, () => unlessMissing(readdir(join(root, folder), { withFileTypes: true }), []))
  for (const entry of entries.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const name = `${folder}${entry.name}`
    if (!isBlobName(name)) continue
    if (entry.isDirectory()) yield* listFolder(root, `${name}/`)
    if (!entry.isFile()) continue
    const found = await explained(root, () => unlessMissing(stat(join(root, name)), undefined))
    if (found) yield { name, bytes: found.size }
  }
}

async function openFile(file: string): Promise<Readable | undefined> {
  const handle = await unlessMissing(open(file), undefined)
  if (handle === undefined) return undefined
  if ((await handle.stat()).isFile()) return handle.createReadStream({ highWaterMark: 256 * 1024 })
  await handle.close()
  return undefined
}

async function writeDurably(file: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle = await open(file, 'wx', fileMode)
  try {
    for await (const chunk of content) await handle.writeFile(chunk)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Gives a file its name unless the name exists. */
async function publishNew(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file)
    return true
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') return false
    // Some file systems have no hard links, for example exFAT.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw cause
    if ((await unlessMissing(stat(file), undefined)) !== undefined) return false
    await rename(draft, file)
    return true
  }
}

async function removeAbandoned(drafts: string): Promise<void> {
  for (const name of await readdir(drafts)) {
    const file = join(drafts, name)
    const found = await unlessMissing(stat(file), undefined)
    if (found && Date.now() - found.mtimeMs > abandonedAfterMs) await rm(file, { force: true })
  }
}

/** Creates a folder and its parents, so that they are still there after a power failure. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: folderMode })
  if (first === undefined) return
  for (let created = folder; created.length >= first.length; created = dirname(created)) {
    await syncFolder(dirname(created))
  }
}

/** Writes the names in a folder to the disk. Windows has no such call. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function unlessMissing<T, D>(found: Promise<T>, missing: D): Promise<T | D> {
  try {
    return await found
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return missing
    throw cause
  }
}

const problems: Readonly<Record<string, (folder: string) => string>> = {
  ENOSPC: (folder) => `The disk of ${folder} is full. Free some space, then run the command again.`,
  EDQUOT: (folder) => `The disk quota of ${folder} is used up. Free some space, then run the command again.`,
  EACCES: (folder) => `PerSQL has no access to ${folder}. Grant read and write access to its user.`,
  EPERM: (folder) => `PerSQL has no access to ${folder}. Grant read and write access to its user.`,
  EROFS: (folder) => `${folder} is on a read-only disk. Choose another target.`,
  ENOTDIR: (folder) => `${folder} isn't a folder. Choose another target.`,
  EEXIST: (folder) => `${folder} isn't a folder. Choose another target.`,
}

/** Runs `work` and turns problems of the target into a `StoreError`. Errors of the file that is copied stay as they are. */
async function explained<T>(root: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const { code = '', path = root } = cause as NodeJS.ErrnoException
    const isOfTarget = path.startsWith(join(root, '/')) || root.startsWith(path)
    const problem = isOfTarget ? problems[code] : undefined
    throw problem ? new StoreError(problem(root), { cause }) : cause
  }
}
