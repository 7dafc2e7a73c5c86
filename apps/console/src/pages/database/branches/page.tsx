import { GitBranchPlus } from 'lucide-react'
import { Link, Route, Routes } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { EmptyState } from '../../../ui/empty-state.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import { DeleteBranch, ResetBranch } from './branch-dialogs.tsx'
import { BranchTable } from './branch-table.tsx'
import { CreateBranch } from './create-branch.tsx'
import { HandOffBranch } from './hand-off-branch.tsx'
import { MergePage } from './merge-page.tsx'

/** The branches of a database. The merge of a branch has its own page: `/acme/main/branches/merge/<ref>`. */
export const BranchesPage = () => (
  <Routes>
    <Route index element={<BranchList />} />
    <Route path="merge/*" element={<MergePage />} />
  </Routes>
)

function BranchList() {
  const ns = useNamespace()
  const db = useDatabase()
  const mayClaim = useCan('admin')
  const [isNew, askNew] = useQueryParam('new')
  const [handing, askHandOff] = useQueryParam('handoff')
  const [resetting, askReset] = useQueryParam('reset')
  const [leaving, askDelete] = useQueryParam('delete')
  const self = useApiQuery('GET /api/namespaces/{ns}/databases/{slug}', { ns, slug: db })
  const { data, error, refetch } = useApiQuery('GET /api/namespaces/{ns}/databases/{db}/branches', { ns, db })
  const parent = self.data?.branchRef != null ? self.data.forkedFrom?.slug : undefined
  if (parent !== undefined)
    return (
      <Page title="Branches">
        <EmptyState
          title={`Branch ${self.data?.branchRef} of ${parent}`}
          action={
            <Button asChild>
              <Link to={databasePath(ns, parent, 'branches')}>View branches of {parent}</Link>
            </Button>
          }
        >
          This database is a branch, so it can't have branches of its own. You can merge, reset or delete it on the
          Branches page of {parent}.
        </EmptyState>
      </Page>
    )
  const make = (
    <Button look="primary" onClick={() => askNew('')}>
      <GitBranchPlus aria-hidden className="size-4" />
      Create branch
    </Button>
  )
  const find = (ref: string | null) => data?.find(({ branchRef }) => branchRef === ref)
  return (
    <Page
      title="Branches"
      lead="A branch starts with this database's schema and no rows. Try changes on it, then merge them."
      actions={mayClaim && make}
    >
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!data && !error && <SkeletonRows rows={6} label="Loading branches" />}
      {data?.length === 0 && (
        <EmptyState title="No branches yet" action={mayClaim && make}>
          Give an agent or a teammate a branch with its own token. Merge the changes, or let the branch expire.
        </EmptyState>
      )}
      {data && data.length > 0 && (
        <BranchTable branches={data} onHandOff={askHandOff} onReset={askReset} onDelete={askDelete} />
      )}
      <CreateBranch ns={ns} db={db} open={isNew !== null} close={() => askNew(null)} />
      <HandOffBranch ns={ns} db={db} branch={find(handing)} close={() => askHandOff(null)} />
      <ResetBranch ns={ns} db={db} branch={find(resetting)} close={() => askReset(null)} />
      <DeleteBranch ns={ns} db={db} branch={find(leaving)} close={() => askDelete(null)} />
    </Page>
  )
}
