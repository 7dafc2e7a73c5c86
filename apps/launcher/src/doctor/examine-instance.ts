import type { Holder } from '../folder-hold.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const timeoutMs = 10_000
/** The clocks of two processes on one machine can't differ, but a response takes time and `Date` has whole seconds. */
const maxDifferenceMs = 5_000

/** Examines whether the instance of a data folder responds, and whether its clock is that of this machine. */
export async function examineInstance(url: string, holder: Holder | undefined): Promise<Finding[]> {
  if (holder === undefined) return [ok('instance', 'not running.')]
  if (holder.pid === undefined) {
    return [
      problem(
        'instance',
        'the process that holds the folder does not respond. It can be a workerd process of a killed launcher, possibly in another container. Stop it, then start PerSQL.',
      ),
    ]
  }
  const who = `running (PID ${holder.pid})`
  let response: Response
  let body: string
  try {
    response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(timeoutMs) })
    body = (await response.text()).trim()
  } catch {
    return [problem('instance', `${who}, but ${url} does not respond. Read its log, or give its URL with --url.`)]
  }
  const clock = examineInstanceClock(response.headers.get('Date'), Date.now())
  const status =
    response.status === 200
      ? ok('instance', `${who} and ready at ${url}.`)
      : problem(
          'instance',
          `${who}, but ${url}/readyz returns ${response.status}: ${body.slice(0, 500)}. Read its log.`,
        )
  return [status, ...clock]
}

/** Compares the `Date` header of the instance with the clock of this machine. */
export function examineInstanceClock(date: string | null, nowMs: number): Finding[] {
  const thereMs = Date.parse(date ?? '')
  if (!Number.isFinite(thereMs)) return []
  const differenceMs = thereMs - nowMs
  if (Math.abs(differenceMs) <= maxDifferenceMs) return []
  const seconds = Math.round(Math.abs(differenceMs) / 1_000)
  const direction = differenceMs > 0 ? 'ahead of' : 'behind'
  return [
    warning(
      'clock',
      `the instance is ${seconds} s ${direction} this machine. Synchronize the clocks of both with NTP.`,
    ),
  ]
}
