/** An account as far as it proves who its user is. */
export interface ProvenAccount {
  readonly id: string
  readonly email: string
  /** Whether the user has opened a link that was sent to the email address, or a provider vouches for it. */
  readonly isVerified: boolean
  /** The accounts at sign-in providers, such as GitHub, by the provider's ID. */
  readonly providers: readonly { readonly providerId: string; readonly accountId: string }[]
}

const GMAIL = /@(gmail|googlemail)\.com$/

/**
 * Returns the email address that identifies a person: lowercase and without its tag. Gmail ignores dots and has two
 * domains.
 */
export function canonicalEmail(email: string): string {
  const lower = email.trim().toLowerCase()
  const at = lower.lastIndexOf('@')
  const [local, domain] = [lower.slice(0, at), lower.slice(at)]
  const untagged = local.replace(/(?<=.)\+.*$/s, '')
  return GMAIL.test(domain) ? `${untagged.replaceAll('.', '')}@gmail.com` : `${untagged}${domain}`
}

/** Returns what identifies the person behind an account: a verified email address and accounts at providers. */
export function listIdentities({ email, isVerified, providers }: ProvenAccount): string[] {
  return [
    ...(isVerified ? [`email:${canonicalEmail(email)}`] : []),
    ...providers.map(({ providerId, accountId }) => `${providerId}:${accountId}`),
  ]
}
