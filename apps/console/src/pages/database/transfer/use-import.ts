import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useApiQuery } from '../../../api/hooks.ts'
import { queryClient } from '../../../api/query-client.ts'
import { detectFormat, type ImportRequest, suggestTableName, upload } from './upload.ts'

/** The state of an import. */
export type ImportState = ReturnType<typeof useImport>

/** Returns the chosen file, the options of its import, and the upload with its progress. */
export function useImport(place: { ns: string; db: string }) {
  const [file, setFile] = useState<File>()
  const [format, setFormat] = useState('sql')
  const [table, setTable] = useState('')
  const [chosenCreate, setCreate] = useState<boolean>()
  const tables = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/tables', place).data
  // Missing tables are created by default.
  const isThere = tables?.some(({ name }) => name.toLowerCase() === table.toLowerCase()) ?? true
  const create = chosenCreate ?? !isThere
  const [sentBytes, setSentBytes] = useState(0)
  const stop = useRef<AbortController>(null)
  const { mutate, isPending, data, error, reset } = useMutation<
    Awaited<ReturnType<typeof upload>>,
    Error,
    ImportRequest
  >({
    mutationFn: (request) => {
      stop.current = new AbortController()
      return upload(request, setSentBytes, stop.current.signal)
    },
    // The import may have changed rows, tables and the schema.
    onSettled: () => queryClient.invalidateQueries(),
  })
  return {
    file,
    options: { format, table, create },
    setFormat,
    setTable,
    setCreate,
    sentBytes,
    isPending,
    result: data,
    error,
    /** Selects a file and guesses its options from its name. */
    chooseFile: (chosen: File) => {
      reset()
      setSentBytes(0)
      setFile(chosen)
      setFormat(detectFormat(chosen.name))
      setTable(suggestTableName(chosen.name))
      setCreate(undefined)
    },
    start: () => {
      if (file) mutate({ ...place, file, format, table, create })
    },
    cancel: () => stop.current?.abort(),
  }
}
