import { callAuth } from '../api/client.ts'

/** Redirects to the sign-in page, which returns to the current page. */
export function toLogin(): void {
  const back = location.pathname + location.search
  location.assign(`/login?${new URLSearchParams({ return: back })}`)
}

/** Signs out and loads the sign-in page. The page load also clears everything in memory. */
export async function signOut(): Promise<void> {
  await callAuth('sign-out', {})
  location.assign('/login')
}
