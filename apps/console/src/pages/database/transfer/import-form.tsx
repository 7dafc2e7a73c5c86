import type { FormEvent } from 'react'
import { Button } from '../../../ui/button.tsx'
import { formatBytes } from '../../../ui/format.ts'
import { FileDrop } from './file-drop.tsx'
import { ImportOptions } from './import-options.tsx'
import { ImportFailure, ImportResult } from './import-result.tsx'
import { ProgressBar } from './progress-bar.tsx'
import { useImport } from './use-import.ts'

/** A form that chooses a file and its format, and imports it. */
export function ImportForm(place: { ns: string; db: string }) {
  const state = useImport(place)
  const { file, sentBytes, isPending, result, error } = state
  const submit = (event: FormEvent) => {
    event.preventDefault()
    state.start()
  }
  const isUploading = file !== undefined && isPending && sentBytes < file.size
  return (
    <form onSubmit={submit} className="grid gap-4">
      <FileDrop file={file} onFile={state.chooseFile} disabled={isPending} />
      {file && <ImportOptions {...state} />}
      {file && isPending && (
        <ProgressBar
          label={isUploading ? 'Uploading…' : 'Importing…'}
          value={sentBytes}
          max={file.size}
          text={`${formatBytes(sentBytes)} of ${formatBytes(file.size)}`}
        />
      )}
      {result && <ImportResult result={result} />}
      {error && <ImportFailure error={error} />}
      {file && (
        <div className="flex flex-wrap gap-2">
          <Button type="submit" look="primary" busy={isPending} className="max-w-full min-w-0">
            <span className="truncate">Import {file.name}</span>
          </Button>
          {isUploading && <Button onClick={state.cancel}>Cancel import</Button>}
        </div>
      )}
    </form>
  )
}
