import type { WelcomeCredit } from '@persql/contract'

/** Explains why a namespace started without the welcome credit. */
export const NO_CREDIT: Readonly<Record<NonNullable<WelcomeCredit['reason']>, string>> = {
  already_received:
    'This namespace started at $0: the welcome credit is given once per person, and you had it for another namespace.',
  not_verified:
    "This namespace started at $0: the welcome credit requires a verified email address, and yours isn't verified.",
  disabled: 'This namespace started at $0: this instance gives no welcome credit.',
}
