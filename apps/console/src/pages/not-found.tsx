import { Link } from 'react-router'
import { Button } from '../ui/button.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { Page } from '../ui/page.tsx'

/** Where there is nothing, or nothing for whoever is here. */
export const NotFoundPage = () => (
  <Page title="Nothing here">
    <EmptyState
      title="There is nothing at this address"
      action={
        <Button asChild look="primary">
          <Link to="/">Go to your databases</Link>
        </Button>
      }
    >
      It may have been deleted or renamed, or belong to a namespace that you are no member of.
    </EmptyState>
  </Page>
)
