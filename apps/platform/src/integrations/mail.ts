import { connect as connectPlain } from 'node:net'
import { connect as connectSecurely } from 'node:tls'
import { PerSQLError } from '@persql/contract'
import { createTransport } from 'nodemailer'
import { now, toIso } from '../clock.ts'
import type { Env } from '../env.ts'

/** A plain-text mail to one recipient. */
export interface MailMessage {
  readonly to: string
  readonly subject: string
  readonly text: string
}

/** Sends mail. */
export interface Mail {
  /** @throws PerSQLError `mail_failed` unless the mail server accepted the message */
  send(message: MailMessage): Promise<void>
}

/** A message in the outbox for development. */
export interface SentMail extends MailMessage {
  readonly at: string
}

const TIMEOUT_MS = 15_000
const MAX_SENT = 200

// All mail of this isolate since the start, with `PERSQL_DEV=1` only. A single machine has one isolate.
const outbox: SentMail[] = []

/** Returns the mail sent in development, newest first. */
export const sentMail = (): readonly SentMail[] => outbox.toReversed()

/**
 * Returns a client for SMTP or Resend. In development without either, mail goes to the outbox only. `undefined` if mail
 * isn't set up.
 */
export function createMailer(env: Env): Mail | undefined {
  const carry = createCarrier(env)
  if (!carry && env.PERSQL_DEV !== '1') return undefined
  return {
    async send(message) {
      try {
        await carry?.(message)
      } catch (cause) {
        console.error(JSON.stringify({ level: 'error', event: 'mail_failed', to: message.to, cause: String(cause) }))
        throw new PerSQLError('mail_failed', { to: message.to }, { cause })
      }
      if (env.PERSQL_DEV !== '1') return
      // The text isn't logged, because its links contain secrets.
      console.log(JSON.stringify({ level: 'info', event: 'mail', to: message.to, subject: message.subject }))
      outbox.push({ ...message, at: toIso(now()) })
      if (outbox.length > MAX_SENT) outbox.shift()
    },
  }
}

/** Returns whether mail reaches people. Nothing can wait for a reply to mail that only goes to the outbox. */
export const canSendMail = (env: Env): boolean => Boolean(env.SMTP_URL || env.RESEND_API_KEY)

type Carry = (message: MailMessage) => Promise<void>

function createCarrier(env: Env): Carry | undefined {
  const { SMTP_URL: smtp, RESEND_API_KEY: key, MAIL_FROM: from } = env
  if (!smtp && !key) return undefined
  if (!from) throw new Error('MAIL_FROM is required: the email address of the sender.')
  return smtp ? bySmtp(smtp, from) : byResend(key as string, env.RESEND_API_URL ?? 'https://api.resend.com', from)
}

/** Sends by SMTP. `smtps://` uses TLS from the start, `smtp://` uses STARTTLS before it sends a password. */
function bySmtp(smtpUrl: string, from: string): Carry {
  const url = new URL(smtpUrl)
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
  const secure = url.protocol === 'smtps:'
  const port = Number(url.port || (secure ? 465 : 587))
  const user = decodeURIComponent(url.username)
  const pass = decodeURIComponent(url.password)
  const local = host === 'localhost' || host === '::1' || host.startsWith('127.')
  return async (message) => {
    // Open the connection here: the library has its own resolver, which ignores the machine's.
    const connection = secure ? connectSecurely({ host, port, servername: host }) : connectPlain({ host, port })
    try {
      await opened(connection, secure ? 'secureConnect' : 'connect')
      const transport = createTransport({
        host,
        port,
        connection,
        secured: secure,
        requireTLS: !secure && !local,
        ...(user && { auth: { user, pass } }),
        greetingTimeout: TIMEOUT_MS,
        socketTimeout: TIMEOUT_MS,
        disableFileAccess: true,
        disableUrlAccess: true,
      } as Parameters<typeof createTransport>[0])
      await transport.sendMail({ from, ...message })
    } finally {
      connection.destroy()
    }
  }
}

function opened(connection: ReturnType<typeof connectPlain>, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error("The mail server didn't respond.")), TIMEOUT_MS)
    connection.once(event, () => resolve(clearTimeout(late)))
    connection.once('error', (cause) => reject(cause))
  })
}

function byResend(key: string, url: string, from: string): Carry {
  return async ({ to, subject, text }) => {
    const response = await fetch(`${url}/emails`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
      body: JSON.stringify({ from, to, subject, text }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    const said = await response.text()
    if (!response.ok) throw new Error(`Resend responded with ${response.status}: ${said.slice(0, 300)}`)
  }
}
