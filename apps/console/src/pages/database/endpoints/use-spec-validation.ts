import { useEffect, useState } from 'react'

type Rules = typeof import('./rules.ts')

/** Returns the rules for specs, the same as on the server, or `undefined` while they load. */
export function useRules(): Rules | undefined {
  const [rules, setRules] = useState<Rules>()
  useEffect(() => {
    import('./rules.ts').then(setRules)
  }, [])
  return rules
}
