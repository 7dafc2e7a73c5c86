import { useNavigate, useSearchParams } from 'react-router'

/** The number of an entry in the query string; `undefined` for whatever else stands there. */
export const entryIn = (text: string | null): number | undefined =>
  text !== null && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined

/** A word in the query string, and how to change it: nothing takes it away. What else stands there stays. */
export function useQueryParam(name: string): [asked: string | null, ask: (value: string | null | undefined) => void] {
  const [search] = useSearchParams()
  const navigate = useNavigate()
  const ask = (value: string | null | undefined) => {
    // As the address is by now, not as it was rendered: a deed often changes two words, or leads elsewhere first.
    const now = new URLSearchParams(location.search)
    if (now.get(name) === (value ?? null)) return
    if (value === null || value === undefined) now.delete(name)
    else now.set(name, value)
    navigate({ pathname: location.pathname, search: now.toString() }, { replace: true, preventScrollReset: true })
  }
  return [search.get(name), ask]
}
