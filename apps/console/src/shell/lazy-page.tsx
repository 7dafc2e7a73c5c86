import { type ComponentType, lazy, Suspense } from 'react'
import { SkeletonRows } from '../ui/skeleton.tsx'

/** A page that is loaded when somebody goes there; its place is kept meanwhile. */
export function lazyPage(load: () => Promise<ComponentType>): ComponentType {
  const Loaded = lazy(() => load().then((component) => ({ default: component })))
  return () => (
    <Suspense fallback={<SkeletonRows />}>
      <Loaded />
    </Suspense>
  )
}
