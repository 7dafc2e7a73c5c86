import { type ComponentType, lazy, Suspense } from 'react'
import { SkeletonRows } from '../ui/skeleton.tsx'

/** Returns a component that loads the page at its first render and shows a skeleton until then. */
export function lazyPage(load: () => Promise<ComponentType>): ComponentType {
  const Loaded = lazy(() => load().then((component) => ({ default: component })))
  return () => (
    <Suspense fallback={<SkeletonRows />}>
      <Loaded />
    </Suspense>
  )
}
