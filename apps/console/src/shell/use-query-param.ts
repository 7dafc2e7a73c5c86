import { useNavigate, useSearchParams } from 'react-router'

/** Parses the ID of an entry in the query string. Returns `undefined` for anything else. */
export const entryIn = (text: string | null): number | undefined =>
  text !== null && /^[1-9]\d{0,14}$/.test(text) ? Number(text) : undefined

/** Returns a query parameter and its setter, which keeps the other parameters. `null` and `undefined` remove it. */
export function useQueryParam(name: string): [asked: string | null, ask: (value: string | null | undefined) => void] {
  const [search] = useSearchParams()
  const navigate = useNavigate()
  const ask = (value: string | null | undefined) => {
    // The current URL, not the rendered one: an action often sets two parameters, or navigates first.
    const now = new URLSearchParams(location.search)
    if (now.get(name) === (value ?? null)) return
    if (value === null || value === undefined) now.delete(name)
    else now.set(name, value)
    navigate({ pathname: location.pathname, search: now.toString() }, { replace: true, preventScrollReset: true })
  }
  return [search.get(name), ask]
}
