import * as z from 'zod'
import type { Log } from '../log.ts'
import { objectFile, readFile } from '../object-files.ts'
import { readDirectory } from './object-facts.ts'
import { type Restore, removeRestore } from './restore-marker.ts'

const batch = 100
const Finished = z.object({ data: z.object({ failed: z.array(z.string()) }) })

export interface FinishRestoreOptions {
  readonly data: string
  readonly restored: Restore
  /** The URL of the platform from this machine. */
  readonly localUrl: string
  readonly secret: string
  readonly log: Log
}

/**
 * Reconciles all namespaces of a restored folder, and removes its marker. A namespace that fails is logged, and the next
 * start tries again. Call it while all cells are running.
 */
export async function finishRestore({ data, restored, localUrl, secret, log }: FinishRestoreOptions): Promise<void> {
  try {
    const entries = readFile(objectFile(data, 'directory', 'directory'), readDirectory, 'shared')
    const slugs = entries.filter(({ isDeleted }) => !isDeleted).map(({ slug }) => slug)
    const failed: string[] = []
    for (let start = 0; start < slugs.length; start += batch) {
      const namespaces = slugs
        .slice(start, start + batch)
        .map((slug) => ({ slug, deleted: findDeleted(restored, slug) }))
      failed.push(...(await post(namespaces, localUrl, secret)))
    }
    if (failed.length > 0) throw new Error(`Databases of these namespaces didn't respond: ${failed.join(', ')}`)
    await removeRestore(data)
    log('info', 'restore_reconciled', { backup: restored.backup, namespaces: slugs.length })
  } catch (cause) {
    log('error', 'restore_not_reconciled', { backup: restored.backup, reason: String(cause) })
  }
}

const findDeleted = ({ deleted }: Restore, slug: string): string[] =>
  deleted.filter(({ namespace }) => namespace === slug).map(({ id }) => id)

async function post(namespaces: readonly object[], localUrl: string, secret: string): Promise<string[]> {
  const response = await fetch(`${localUrl}/api/launcher/restored`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
    body: JSON.stringify({ namespaces }),
  })
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status} ${text}`)
  return Finished.parse(JSON.parse(text)).data.failed
}
