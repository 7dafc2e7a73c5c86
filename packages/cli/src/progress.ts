import { size } from './format-output.ts'

const turns = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']
const BAR = 24

/** A progress line on stderr. It writes nothing if stderr isn't a terminal. */
export class Progress {
  readonly #label: string
  readonly #startMs = Date.now()
  readonly #timer: ReturnType<typeof setInterval> | undefined
  #text = ''
  #turn = 0

  constructor(label: string, on: boolean) {
    this.#label = label
    if (!on) return
    this.#timer = setInterval(() => this.#draw(), 100)
    this.#timer.unref()
  }

  /** Whether the line is shown. */
  get on(): boolean {
    return this.#timer !== undefined
  }

  /** Shows the number of bytes done, and the total if known. */
  bytes(done: number, total?: number | null): void {
    const perSecond = (done * 1000) / Math.max(1, Date.now() - this.#startMs)
    const speed = `${size(done)}${total ? ` of ${size(total)}` : ''}, ${size(Math.round(perSecond))}/s`
    this.#text = total ? `${bar(done / total)} ${speed}` : speed
  }

  say(text: string): void {
    this.#text = text
  }

  /** Clears the line. */
  end(): void {
    if (!this.on) return
    clearInterval(this.#timer)
    process.stderr.write('\r\x1b[K')
  }

  #draw(): void {
    const seconds = Math.floor((Date.now() - this.#startMs) / 1000)
    const turn = turns[this.#turn++ % turns.length]
    process.stderr.write(`\r\x1b[K${turn} ${this.#label} ${this.#text}${seconds > 1 ? ` (${seconds} s)` : ''}`)
  }
}

const bar = (share: number) => {
  const full = Math.round(Math.min(1, share) * BAR)
  return `${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${Math.floor(Math.min(1, share) * 100)}%`
}

/** Runs a task with a progress line. */
export async function withProgress<T>(progress: Progress, work: (progress: Progress) => Promise<T>): Promise<T> {
  try {
    return await work(progress)
  } finally {
    progress.end()
  }
}
