import { useEffect } from 'react'
import { useLocation, useNavigationType } from 'react-router'

/** A page that somebody goes to begins at its top; one they come back to stands where the browser had it. */
export function useScrollToTop(): void {
  const { pathname } = useLocation()
  const how = useNavigationType()
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page, not another way to it
  useEffect(() => {
    if (how === 'PUSH') scrollTo(0, 0)
  }, [pathname])
}
