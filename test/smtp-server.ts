import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { repository } from '../apps/launcher/src/paths.ts'

/** A message that the server received. */
export interface Taken {
  from: string
  to: string[]
  tls: boolean
  user: string | null
  data: string
}

export interface SmtpOptions extends Partial<Certificate> {
  auth?: boolean
  silent?: boolean
  /** Whether to offer STARTTLS. */
  tls?: boolean
  /** Whether to use TLS from the start. */
  implicitTls?: boolean
}

/** Paths of a certificate for `localhost` and its key, both in PEM. */
export interface Certificate {
  certificate: string
  key: string
}

/** Creates a self-signed certificate in `folder`. */
export function makeCertificate(folder: string): Certificate {
  const certificate = join(folder, 'certificate.pem')
  const key = join(folder, 'key.pem')
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2']
  execFileSync(
    'openssl',
    [...kind, ...names, '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', key, '-out', certificate],
    { stdio: 'pipe' },
  )
  return { certificate, key }
}

/** A real SMTP server (aiosmtpd) that can require a password, use TLS or never respond. */
export class SmtpServer {
  readonly taken: Taken[] = []
  port = 0
  #process: ChildProcess | undefined

  async start(options: SmtpOptions = {}): Promise<this> {
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
