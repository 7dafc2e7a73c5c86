import type { Docs, DoctorReport, Finding } from '@persql/contract'
import { lower } from '../../../../sqlite/identifiers.ts'
import { MAX_PAUSES_MS, Turns } from '../../../../turns.ts'
import { createNoteFinder } from '../find-description.ts'
import type { Model, Table } from '../model.ts'
import { readModel } from '../read-model.ts'
import { staleDocs, viewFindings } from './docs.ts'
import { readSample } from './read-sample.ts'
import type { TableUnderTest } from './rule-types.ts'
import { rules } from './rules.ts'
import type { Sample } from './sample.ts'
import { countSchemaStyles } from './styles.ts'

const MAX_SAMPLED = 200
/** Tables per turn if only the schema is checked, which is fast. */
const UNSAMPLED_AT_ONCE = 20
const MAX_FINDINGS = 1_000
const ranks = { error: 0, warning: 1, info: 2 }

/**
 * Examines the schema and a sample of each table's rows. Other calls run between two tables, so `check` decides whether
 * to continue.
 */
export async function examine(
  sql: SqlStorage,
  scope: readonly string[] | null,
  docs: Docs,
  check: () => void,
): Promise<{ data: DoctorReport; rowsRead: number }> {
  const model = readModel(sql, scope)
  const around = {
    model,
    styles: countSchemaStyles(model),
    seesAll: scope === null,
    findNote: createNoteFinder(docs),
    taken: new Set([...sql.exec('SELECT name FROM sqlite_master').raw()].map(([name]) => lower(name as string))),
  }
  const findings: Finding[] = [...viewFindings(model), ...staleDocs(model, docs, scope === null)]
  let rowsRead = 0
  let tablesSampled = 0
  const turns = new Turns(MAX_PAUSES_MS)
  for (const [i, table] of model.tables.entries()) {
    const sample = !table.virtual && tablesSampled < MAX_SAMPLED ? sampled(sql, table, model) : undefined
    findings.push(...listFindings({ ...around, table, sample }))
    rowsRead += sample?.rowsRead ?? 0
    if (sample) tablesSampled++
    else if (i % UNSAMPLED_AT_ONCE > 0) continue
    await turns.next()
    check()
  }
  findings.sort((a, b) => ranks[a.severity] - ranks[b.severity])
  const omitted = Math.max(0, findings.length - MAX_FINDINGS)
  const listed = findings.slice(0, MAX_FINDINGS)
  return { data: { findings: listed, omitted, tables: model.tables.length, tablesSampled }, rowsRead }
}

/** Reads the sample of a table, or returns `undefined` if it can't be read or was dropped since. */
function sampled(sql: SqlStorage, table: Table, model: Model): Sample | undefined {
  try {
    return readSample(sql, table, model)
  } catch {
    return undefined
  }
}

const listFindings = (patient: TableUnderTest): Finding[] =>
  rules.flatMap(({ id, severity, why, find }) =>
    [...find(patient)].map(({ column, what, fix }) => ({
      severity,
      rule: id,
      table: patient.table.name,
      ...(column !== undefined && { column }),
      message: `${what} ${why}`,
      ...(fix !== undefined && { fix }),
    })),
  )
