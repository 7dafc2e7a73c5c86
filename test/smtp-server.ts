import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repository } from '../apps/launcher/src/paths.ts'

/** A message as the server took it. */
export interface Taken {
  from: string
  to: string[]
  tls: boolean
  user: string | null
  data: string
}

/** A real SMTP server (aiosmtpd), which asks for a password, speaks TLS or says nothing at all, as told. */
export class SmtpServer {
  readonly taken: Taken[] = []
  port = 0
  #process: ChildProcess | undefined

  async start(options: { auth?: boolean; silent?: boolean } = {}): Promise<this> {
    const program = join(repository, 'test/smtp-server.py')
    const child = spawn('/usr/bin/python3', [program, JSON.stringify(options)], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#process = child
    let complaint = ''
    child.stderr.on('data', (text) => {
      complaint += text
    })
    const lines = createInterface({ input: child.stdout })
    const ended = once(child, 'exit').then(() => Promise.reject(new Error(complaint.trim())))
    const [port] = (await Promise.race([once(lines, 'line'), ended])) as [string]
    ended.catch(() => {})
    this.port = Number(port)
    lines.on('line', (line) => this.taken.push(JSON.parse(line) as Taken))
    return this
  }

  stop(): void {
    this.#process?.stdin?.end()
    this.#process?.kill()
  }
}
