import { useEffect } from 'react'
import { useLocation, useNavigationType } from 'react-router'

/** Scrolls to the top of a new page. Back and forward keep the position that the browser restores. */
export function useScrollToTop(): void {
  const { pathname } = useLocation()
  const how = useNavigationType()
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another path scrolls, not another navigation type
  useEffect(() => {
    if (how === 'PUSH') scrollTo(0, 0)
  }, [pathname])
}
