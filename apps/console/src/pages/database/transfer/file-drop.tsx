import { FileUp } from 'lucide-react'
import { type DragEvent, useState } from 'react'
import { classes } from '../../../ui/class-names.ts'
import { formatBytes } from '../../../ui/format.ts'

interface FileDropProps {
  file: File | undefined
  onFile: (file: File) => void
  disabled: boolean
}

/** A drop area for a file. It is also a file field, for keyboards and phones. */
export function FileDrop({ file, onFile, disabled }: FileDropProps) {
  const [isOver, setIsOver] = useState(false)
  const take = (files: FileList | null) => files?.[0] && onFile(files[0])
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setIsOver(false)
    if (!disabled) take(event.dataTransfer.files)
  }
  return (
    <label
      onDragOver={(event) => {
        event.preventDefault()
        setIsOver(true)
      }}
      onDragLeave={() => setIsOver(false)}
      onDrop={drop}
      className={classes(
        'grid cursor-pointer justify-items-center gap-2 rounded-card border-2 border-dashed px-6 py-8 text-center focus-within:outline-2 focus-within:outline-offset-2 focus-within:outline-accent',
        isOver ? 'border-accent bg-accent-soft' : 'border-line-strong/60',
      )}
    >
      <FileUp aria-hidden className="size-6 text-muted" />
      <span className="font-medium wrap-anywhere">
        {file ? `${file.name} (${formatBytes(file.size)})` : 'Drop a file here, or choose a file'}
      </span>
      <span className="text-sm text-muted">SQL dump, SQLite file, CSV or NDJSON. Imports are all-or-nothing.</span>
      <input
        type="file"
        className="sr-only"
        disabled={disabled}
        onChange={({ target }) => {
          take(target.files)
          // A file that was edited after an error can then be chosen again.
          target.value = ''
        }}
      />
    </label>
  )
}
