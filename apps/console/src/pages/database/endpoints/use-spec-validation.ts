import { useEffect, useState } from 'react'

type Rules = typeof import('./rules.ts')

/** The rules a spec must keep, the same as on the server; they come a little later than the page. */
export function useRules(): Rules | undefined {
  const [rules, setRules] = useState<Rules>()
  useEffect(() => {
    import('./rules.ts').then(setRules)
  }, [])
  return rules
}
