import { createInterface } from 'node:readline'
import { complete } from './completer.ts'
import { dotCommands } from './dot-commands.ts'
import { joined, readHistory, writeHistory } from './history.ts'
import type { Session } from './session.ts'

/** Runs the shell in a terminal until the user exits. */
export async function runInteractive(session: Session, historyFile: string): Promise<void> {
  let history = await readHistory(historyFile)
  const lines = createInterface({
    input: process.stdin,
    output: process.stdout,
    terminal: true,
    history: [...history],
    historySize: 1000,
    removeHistoryDuplicates: true,
    completer: (line: string) => complete(line, session.names, Object.keys(dotCommands)),
  })
  // readline's own history array, which the arrow keys use.
  let live: string[] = []
  lines.on('history', (now: string[]) => {
    live = now
  })

  const prompt = () => {
    const name = `${session.db.namespace}/${session.db.slug}`
    const state = session.inTransaction ? '*' : ''
    lines.setPrompt(session.pending ? `${' '.repeat(Math.max(0, name.length - 3))}...> ` : `${name}${state}> `)
    lines.prompt()
  }
  let typed: string[] = []
  const take = async (line: string) => {
    typed.push(line)
    await session.take(line)
    if (session.pending) return
    const whole = joined(live, typed)
    live.splice(0, live.length, ...whole)
    history = live.length > 0 ? [...live] : history
    typed = []
  }

  // Lines that arrive while a statement runs wait for it.
  let work = Promise.resolve()
  const left = new Promise<void>((resolve) => lines.once('close', resolve))
  lines.on('line', (line) => {
    work = work.then(async () => {
      if (session.quit) return
      await take(line)
      if (session.quit) lines.close()
      else prompt()
    })
  })
  lines.on('SIGINT', () => {
    if (session.cancel()) return
    session.forget()
    typed = []
    // Move to the end and delete to the start: clears the current line.
    lines.write(null, { ctrl: true, name: 'e' })
    lines.write(null, { ctrl: true, name: 'u' })
    process.stdout.write('\n')
    prompt()
  })
  prompt()
  await left
  await work
  if (await session.close()) process.stdout.write('The open transaction was rolled back.\n')
  await writeHistory(historyFile, history)
}
