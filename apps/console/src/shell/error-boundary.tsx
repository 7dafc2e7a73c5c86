import { Component, type ReactNode } from 'react'
import { useRouteError } from 'react-router'
import { ErrorPanel } from '../ui/error-panel.tsx'

/** Catches errors that a render throws outside of the router, and shows a message instead of an empty page. */
export class ErrorBoundary extends Component<{ children: ReactNode }, { error: unknown }> {
  override state = { error: undefined }

  static getDerivedStateFromError = (error: unknown) => ({ error })

  override render() {
    const { error } = this.state
    return error === undefined ? this.props.children : <Broken error={error} />
  }
}

/** Shows the same message for errors on pages, which the router catches. */
export const RouteErrorBoundary = () => <Broken error={useRouteError()} />

const Broken = ({ error }: { error: unknown }) => (
  <main className="mx-auto max-w-xl p-6">
    <h1 className="sr-only">Something went wrong</h1>
    <ErrorPanel error={error} onRetry={() => location.reload()} />
  </main>
)
