import { table } from '../tables.ts'
import type { Load } from './first-load.ts'
import { getPercentile } from './frames.ts'
import type { Scroll } from './scrolling.ts'

/** Formats the Markdown table of first loads. */
export const loadTable = (loads: readonly { name: string; load: Load }[]): string =>
  table(
    ['first load', 'files kB', 'answers kB', 'largest paint ms', 'rendered ms', 'click handled ms', 'blocked ms'],
    loads.map(({ name, load }) => [
      name,
      load.assetsKb.toFixed(0),
      load.answersKb.toFixed(0),
      ...[load.paintMs, load.readyMs, load.clickedMs, load.blockedMs].map((value) => value.toFixed(0)),
    ]),
  )

/** Formats the Markdown table of scrolling. The ratio is the p99 divided by that of the empty page. */
export function scrollTable(scrolls: readonly Scroll[]): string {
  const floors = scrolls.filter(({ name }) => name.startsWith('floor')).map(({ frames }) => getPercentile(frames, 0.99))
  const floor = floors.reduce((sum, value) => sum + value, 0) / floors.length
  return table(
    [
      '',
      'frames',
      'median ms',
      'p95',
      'p99',
      'longest',
      'p99 / floor',
      'cpu ms',
      'blank',
      'requests',
      'rows read',
      'heap MB',
    ],
    scrolls.map(({ name, frames, cpuMs, requests, rowsRead, heapMb }) => [
      name,
      String(frames.deltasMs.length),
      ...[0.5, 0.95, 0.99, 1].map((share) => getPercentile(frames, share).toFixed(1)),
      (getPercentile(frames, 0.99) / floor).toFixed(1),
      cpuMs.toFixed(1),
      String(frames.blank),
      String(requests),
      rowsRead.toLocaleString('en'),
      heapMb.toFixed(0),
    ]),
  )
}
