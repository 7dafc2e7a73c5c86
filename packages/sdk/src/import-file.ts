import { callRoute, type TargetSource } from './bind-routes.ts'
import { pause } from './http.ts'
import type { ImportOptions, ImportProgress, ImportResult } from './transfer-types.ts'

const POLL_MS = 500

/** Returns the progress of the current import, or the result of the last one. */
const fetchProgress = async (target: TargetSource): Promise<ImportProgress | null> =>
  (await callRoute<{ import: ImportProgress | null }>(target, 'GET import', [])).import

/** Imports a file and reports its progress. */
export async function importFile(
  target: TargetSource,
  file: string | Blob | Uint8Array,
  { format, table, create, onProgress, ...options }: ImportOptions,
): Promise<ImportResult> {
  const named = /\.(sql|sqlite|csv|ndjson)$/i.exec((file as File).name ?? '')?.[1]?.toLowerCase()
  const body = file instanceof Blob ? file : new Blob([file as Uint8Array<ArrayBuffer>])
  const before = onProgress && (await fetchProgress(target))
  const ended = new AbortController()
  const how = { format: format ?? named, table, create: create ? '1' : undefined }
  const send = () => callRoute<ImportResult>(target, 'POST import', [body, how, { timeoutMs: 0, ...options }])
  const watch = async (report: (progress: ImportProgress) => void) => {
    while (!ended.signal.aborted) {
      const progress = await fetchProgress(target)
      if (progress && progress.id !== before?.id) report(progress)
      await pause(POLL_MS, ended.signal)
    }
  }
  // An error while polling doesn't fail the import.
  const watched = onProgress && watch(onProgress).catch(() => {})
  try {
    return await send()
  } finally {
    ended.abort()
    await watched
    const last = onProgress && (await fetchProgress(target).catch(() => null))
    if (last && last.id !== before?.id) onProgress(last)
  }
}
