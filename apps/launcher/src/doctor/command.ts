import { existsSync, statSync } from 'node:fs'
import { setPriority } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readRestore } from '../backup/restore-marker.ts'
import { UsageError } from '../backup/usage-error.ts'
import type { Check } from '../check-files.ts'
import { readCells } from '../data-format.ts'
import { findHolder, type Holder } from '../folder-hold.ts'
import { findInstanceUrl } from '../instance-url.ts'
import type { FileUse } from '../object-files.ts'
import {
  examineBackup,
  examineCells,
  examineClock,
  examineLeftovers,
  examineModes,
  examineRestore,
  examineVersions,
} from './examine-folder.ts'
import { examineInstance } from './examine-instance.ts'
import { examineDisk, examineOpenFiles } from './examine-machine.ts'
import { examineObjects, examineStrays } from './examine-objects.ts'
import { count, type Finding, formatFinding, problem, warning } from './finding.ts'
import { identifyFile } from './identify-file.ts'

/** The help of the doctor. */
export const doctorHelp = `  doctor                                report on the data folder, whether PerSQL runs or not; changes nothing.
                                        --full also checks indexes; exit code 1 for a problem, 2 for wrong arguments
  doctor <file>                         print which database, branch, snapshot or namespace a file of objects/ is
`
const niceness = 10

interface Printed {
  readonly text: string
  readonly exitCode: number
}

/** Runs `doctor`. The exit code is 1 if there is a problem. @throws UsageError */
export async function runDoctor(args: readonly string[], environment: NodeJS.ProcessEnv): Promise<Printed> {
  const { values, file } = parse(args)
  if (values.help) return { text: doctorHelp, exitCode: 0 }
  const data = resolve(environment.PERSQL_DATA || './data')
  if (!statSync(data, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`${data} is not a folder. Set PERSQL_DATA to the data folder.`)
  }
  if (file !== undefined) {
    const { text, isKnown } = identifyFile(data, file, toUse(await findHolder(data)))
    return { text: `${text}\n`, exitCode: isKnown ? 0 : 1 }
  }
  // The instance comes first.
  setPriority(niceness)
  const check: Check = values.full ? 'integrity_check' : 'quick_check'
  const findings: Finding[] = []
  for await (const finding of examine(data, environment, values.url, check)) findings.push(finding)
  const problems = findings.filter(({ level }) => level === 'problem').length
  const warnings = findings.filter(({ level }) => level === 'warning').length
  const summary = `${data}: ${count(problems, 'problem')}, ${count(warnings, 'warning')}.\n`
  return { text: findings.map(formatFinding).join('') + summary, exitCode: problems > 0 ? 1 : 0 }
}

function parse(args: readonly string[]) {
  const options = { full: { type: 'boolean' }, url: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true })
    const [, file, extra] = positionals
    if (extra !== undefined) throw new Error(`Unexpected argument "${extra}".`)
    return { values, file }
  } catch (cause) {
    throw new UsageError(`${(cause as Error).message}\n\n${doctorHelp}`, { cause })
  }
}

const toUse = (holder: Holder | undefined): FileUse => (holder === undefined ? 'unused' : 'shared')

/** Examines everything, the cheapest first. */
async function* examine(
  data: string,
  environment: NodeJS.ProcessEnv,
  url: string | undefined,
  check: Check,
): AsyncGenerator<Finding> {
  const holder = await findHolder(data)
  yield* await examineVersions(data)
  yield* await examineInstance(findInstanceUrl(data, url), holder)
  yield await examineDisk(data, readReserve(environment))
  const openFiles = examineOpenFiles(holder)
  if (openFiles !== undefined) yield openFiles
  yield* examineModes(data)
  yield await examineBackup(data, Date.now())
  yield examineLeftovers(data, holder !== undefined, Date.now())
  const restore = examineRestore(data)
  if (restore !== undefined) yield restore
  if (restore?.level === 'problem') return
  yield* examineData(data, environment, check, toUse(holder))
  if (holder === undefined && (await findHolder(data)) !== undefined) {
    yield warning(
      'instance',
      'PerSQL started during this report, so problems of files can be wrong. Run the doctor again.',
    )
  }
}

/** Reads the setting of the reserve in megabytes. @throws UsageError */
function readReserve({ PERSQL_DISK_RESERVE_MB: text = '' }: NodeJS.ProcessEnv): number | undefined {
  if (text.trim() === '') return undefined
  if (/^\d+$/.test(text.trim())) return Number(text)
  throw new UsageError(`Invalid PERSQL_DISK_RESERVE_MB "${text}". Expected a whole number of megabytes.`)
}

/** Examines what needs to know the cells, whose number is in `format.json`. */
async function* examineData(
  data: string,
  environment: NodeJS.ProcessEnv,
  check: Check,
  use: FileUse,
): AsyncGenerator<Finding> {
  let cells: number
  try {
    cells = readCells(data)
  } catch {
    return
  }
  yield examineCells(data, cells, environment.PERSQL_CELLS)
  yield examineClock(data, Date.now())
  if (!existsSync(join(data, 'objects'))) {
    if (existsSync(join(data, 'format.json'))) {
      yield problem(
        'files',
        'objects/ not found, although PerSQL has used the folder. Restore the folder from a backup.',
      )
    }
    return
  }
  try {
    yield* examineObjects(data, check, use)
    // The first start after a restore deletes objects.
    if (readRestore(data) === undefined) yield* examineStrays(data, use)
  } catch (cause) {
    yield problem('files', `can't be examined: ${(cause as Error).message}`)
  }
}
