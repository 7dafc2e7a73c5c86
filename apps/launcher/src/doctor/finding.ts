/** How much a finding matters. Only a problem fails the doctor. */
export type Level = 'ok' | 'warning' | 'problem'

/** One line of the doctor's report. */
export interface Finding {
  readonly level: Level
  /** The subject, such as `disk` or `acme/main`. */
  readonly subject: string
  /** The state and, unless it is ok, the next step. */
  readonly text: string
}

export const ok = (subject: string, text: string): Finding => ({ level: 'ok', subject, text })
export const warning = (subject: string, text: string): Finding => ({ level: 'warning', subject, text })
export const problem = (subject: string, text: string): Finding => ({ level: 'problem', subject, text })

/** Formats a finding as a line. */
export const formatFinding = ({ level, subject, text }: Finding): string => `${level.padEnd(7)}  ${subject}: ${text}\n`

/** Returns a number with its noun. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? '' : 's'}`

/** Formats bytes as megabytes. */
export const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`
