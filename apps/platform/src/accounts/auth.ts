import { PerSQLError } from '@persql/contract'
import { APIError, betterAuth } from 'better-auth'
import { directoryObject } from '../api/objects.ts'
import { disk, storageFull } from '../disk-space.ts'
import type { Env } from '../env.ts'
import { canSendMail, createMailer } from '../integrations/mail.ts'
import { deriveKey, hasHashing } from '../integrations/password-hashing.ts'
import { getSettings } from '../settings.ts'
import { directoryDialect } from './dialect.ts'
import { onboardAccount } from './onboarding.ts'
import { callerNetwork, type DeriveScrypt, hashPassword, verifyPassword } from './passwords.ts'

export type Auth = ReturnType<typeof makeAuth>

/** A signed-in user. */
export interface Account {
  readonly userId: string
  readonly email: string
  readonly name: string
}

/** The header that passes the client's IP address to the account library. */
export const ADDRESS_HEADER = 'x-persql-client-address'

/** The minimum length of a new password. */
export const MIN_PASSWORD_LENGTH = 8

/** Limits per IP address and route, in seconds. */
const LIMITS: Readonly<Record<string, Limit>> = {
  '/sign-in/email': { window: 60, max: 60 },
  '/sign-up/email': { window: 60, max: 60 },
  '/request-password-reset': { window: 60, max: 10 },
  '/send-verification-email': { window: 60, max: 10 },
}
interface Limit {
  readonly window: number
  readonly max: number
}

const MAX_KNOWN = 20
const known = new WeakMap<Env, Map<string, Auth>>()

/** Returns Better Auth for the base URL of a request. Instances are cached. */
export function getAuth(env: Env, baseUrl: string): Auth {
  const auths = known.get(env) ?? new Map<string, Auth>()
  known.set(env, auths)
  const auth = auths.get(baseUrl) ?? makeAuth(env, baseUrl)
  if (auths.size >= MAX_KNOWN) auths.clear()
  auths.set(baseUrl, auth)
  return auth
}

function makeAuth(env: Env, baseUrl: string) {
  const { signup } = getSettings(env)
  const mail = createMailer(env)
  if (!env.PERSQL_SECRET) throw new Error('PERSQL_SECRET is required.')
  return betterAuth({
    appName: 'PerSQL',
    baseURL: baseUrl,
    basePath: '/api/auth',
    secret: `sessions:${env.PERSQL_SECRET}`,
    database: { dialect: directoryDialect(env), type: 'sqlite', transaction: false },
    trustedOrigins: [new URL(baseUrl).origin],
    telemetry: { enabled: false },
    logger: { level: 'error' },
    advanced: { ipAddress: { ipAddressHeaders: [ADDRESS_HEADER] } },
    session: { cookieCache: { enabled: false } },
    rateLimit: {
      enabled: true,
      customStorage: { consume: (key, rule) => countAttempt(env, key, rule) },
      window: 60,
      max: 600,
      customRules: { ...LIMITS, '/get-session': false },
    },
    emailAndPassword: {
      enabled: true,
      disableSignUp: signup === 'off',
      minPasswordLength: MIN_PASSWORD_LENGTH,
      ...(hasHashing(env) && { password: createPasswords(env) }),
      requireEmailVerification: canSendMail(env),
      revokeSessionsOnPasswordReset: true,
      ...(mail && {
        sendResetPassword: ({ user, url }) =>
          mail.send({ to: user.email, subject: 'Reset your PerSQL password', text: resetText(url) }),
      }),
    },
    ...(mail && {
      emailVerification: {
        sendOnSignUp: true,
        sendOnSignIn: true,
        autoSignInAfterVerification: true,
        sendVerificationEmail: ({ user, url }) =>
          mail.send({ to: user.email, subject: 'Confirm your email address for PerSQL', text: verifyText(url) }),
      },
    }),
    socialProviders: {
      ...provider('github', env.GITHUB_CLIENT_ID, env.GITHUB_CLIENT_SECRET, signup === 'off'),
      ...provider('google', env.GOOGLE_CLIENT_ID, env.GOOGLE_CLIENT_SECRET, signup === 'off'),
    },
    databaseHooks: {
      user: {
        create: {
          before: async ({ email }) => {
            // The account of a provider's user is created at the first sign-in.
            if (disk.level > 0) {
              const { code, message } = storageFull()
              throw new APIError('INSUFFICIENT_STORAGE', { code, message })
            }
            if (signup === 'open') return
            const { first, invited } = await directoryObject(env).standing(email)
            // Without any account, the first user of this machine can sign up to invite others.
            if (signup === 'invite' && (invited || (first && env.PERSQL_FIRST_OWNS))) return
            throw new APIError('FORBIDDEN', {
              code: 'SIGNUP_CLOSED',
              message: signup === 'off' ? 'Sign-up is disabled on this instance.' : 'Sign-up is by invitation only.',
            })
          },
        },
      },
      session: { create: { after: ({ userId }) => onboardAccount(env, userId) } },
    },
  })
}

/**
 * Counts in the Directory, so that limits survive restarts, and in windows that end under steady traffic, unlike the
 * library's. Routes without a limit of their own share one, so that a client can't fill the table with paths.
 */
async function countAttempt(env: Env, key: string, { window, max }: Limit) {
  const [network = '', path = ''] = key.split('|')
  const route = Object.hasOwn(LIMITS, path) ? path : `other/${window}`
  const retryAfter = await directoryObject(env).countAttempt(`${network}|${route}`, max, window)
  return { allowed: retryAfter === 0, retryAfter }
}

/** Hashes passwords in the process that the launcher runs for it, in the library's own format. */
function createPasswords(env: Env) {
  const derive: DeriveScrypt = async (password, salt, bytes) => {
    const source = callerNetwork.getStore() ?? ''
    try {
      const request = { algorithm: { name: 'scrypt' }, password, salt, bytes } as const
      return await deriveKey(env, { lane: 'account', source }, request)
    } catch (cause) {
      const error = PerSQLError.from(cause)
      if (error.code !== 'too_busy') throw cause
      const headers = { 'Retry-After': String(error.details.seconds) }
      throw new APIError('TOO_MANY_REQUESTS', { ...error.toJSON(), message: error.message }, headers)
    }
  }
  return {
    hash: (password: string) => hashPassword(password, derive),
    verify: ({ hash, password }: { hash: string; password: string }) => verifyPassword(password, hash, derive),
  }
}

const provider = <K extends string>(name: K, clientId?: string, clientSecret?: string, disableSignUp = false) =>
  clientId && clientSecret ? { [name]: { clientId, clientSecret, disableSignUp } } : {}

const verifyText = (url: string) => `Welcome to PerSQL.

Confirm your email address:

${url}

If you didn't request this, you can ignore this email.
`

const resetText = (url: string) => `We received a request to reset your PerSQL password. Choose a new password:

${url}

Your password doesn't change until you choose a new one.

If you didn't request this, you can ignore this email.
`
