import { useMemo, useState } from 'react'
import { Button } from '../../ui/button.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { Dialog } from '../../ui/dialog.tsx'
import { formatCount } from '../../ui/format.ts'
import { Grid } from '../../ui/grid.tsx'
import { formatCell, getColumnWidth } from '../results/cell-view.ts'
import { saveFile } from '../results/save-file.ts'
import { isBytes, prettyJson, type Result, toCsv, toHex, toJson, type Value } from '../results/values.ts'

const cellIn = (row: readonly Value[], column: number) => formatCell(row[column] ?? null)

/** The rows of a result, with buttons to save them as a file. */
export function ResultView({ result, name }: { result: Result; name: string }) {
  const { columns, rows, changes } = result
  const [opened, setOpened] = useState<{ row: number; column: number }>()
  const heads = useMemo(
    () =>
      columns.map((column, index) => ({
        name: column,
        widthPx: getColumnWidth(
          column,
          rows.slice(0, 50).map((row) => row[index] ?? null),
        ),
        head: <span className="truncate font-medium">{column}</span>,
      })),
    [columns, rows],
  )
  if (columns.length === 0) {
    return <p>Done.{changes !== undefined && ` ${formatCount(changes, 'row')} changed.`}</p>
  }
  const value = opened && (rows[opened.row]?.[opened.column] ?? null)
  const text = value === undefined ? '' : value === null ? 'NULL' : isBytes(value) ? toHex(value) : String(value)
  return (
    <div className="grid min-w-0 gap-2">
      <div className="flex flex-wrap items-center justify-between gap-2">
        <p>{formatCount(rows.length, 'row')}</p>
        <div className="flex gap-2">
          <Button size="small" onClick={() => saveFile(`${name}.csv`, 'text/csv', toCsv(result))}>
            Download CSV
          </Button>
          <Button size="small" onClick={() => saveFile(`${name}.json`, 'application/json', toJson(result))}>
            Download JSON
          </Button>
        </div>
      </div>
      <Grid
        label="Result"
        className={rows.length > 9 ? 'h-96' : 'h-48'}
        columns={heads}
        count={rows.length}
        rowAt={(row) => rows[row]}
        cell={cellIn}
        onOpen={setOpened}
      />
      {opened && (
        <Dialog open onOpenChange={() => setOpened(undefined)} title={columns[opened.column] ?? ''}>
          <CodeBlock label="Value" code={(value !== undefined && prettyJson(value)) || text} copies={text} />
        </Dialog>
      )}
    </div>
  )
}
