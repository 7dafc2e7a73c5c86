import { Component, type ReactNode } from 'react'
import { useRouteError } from 'react-router'
import { ErrorPanel } from '../ui/error-panel.tsx'

/** Shows a mistake of the console itself, instead of nothing at all. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined }

  static getDerivedStateFromError = (error: unknown) => ({ error })

  override render() {
    const { error } = this.state
    return error === undefined ? this.props.children : <Broken error={error} />
  }
}

/** The same for pages, whose mistakes the router catches. */
export const RouteErrorBoundary = () => <Broken error={useRouteError()} />

const Broken = ({ error }: { error: unknown }) => (
  <main className="mx-auto max-w-xl p-6">
    <h1 className="sr-only">Something went wrong</h1>
    <ErrorPanel error={error} onRetry={() => location.reload()} />
  </main>
)
