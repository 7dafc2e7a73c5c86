import { Link } from 'react-router'
import { Button } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { Page } from '../ui/page.tsx'

/** The page for unknown URLs, and for URLs that the user has no access to. */
export const NotFoundPage = () => (
  <Page title="Page not found">
    <EmptyState
      title="This page doesn't exist"
      action={
        <Button asChild look="primary">
          <Link to="/">Go to databases</Link>
        </Button>
      }
    >
      It may have been deleted, or it belongs to a namespace you're not a member of.
    </EmptyState>
  </Page>
)
