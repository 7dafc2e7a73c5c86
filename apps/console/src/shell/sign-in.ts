import { callAuth } from '../api/client.ts'

/** Leads to the page to sign in on, and from there back to where one is. */
export function toLogin(): void {
  const back = location.pathname + location.search
  location.assign(`/login?${new URLSearchParams({ return: back })}`)
}

/** Signs out here, and forgets everything this page knows by leaving it. */
export async function signOut(): Promise<void> {
  await callAuth('sign-out', {})
  location.assign('/login')
}
