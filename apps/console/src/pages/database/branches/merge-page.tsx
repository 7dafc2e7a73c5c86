import { useLocation } from 'react-router'
import { useApiQuery } from '../../../api/hooks.ts'
import { useCan } from '../../../shell/membership.ts'
import { databasePath, useDatabase, useNamespace } from '../../../shell/paths.ts'
import { RequireRole } from '../../../shell/require-role.tsx'
import { useQueryParam } from '../../../shell/use-query-param.ts'
import { Button } from '../../../ui/button.tsx'
import { ErrorPanel } from '../../../ui/error-panel.tsx'
import { Page } from '../../../ui/page.tsx'
import { SkeletonRows } from '../../../ui/skeleton.tsx'
import type { MergePlan } from './apply-merge.tsx'
import { MergeResult } from './merge-result.tsx'
import { MergeRowsCard } from './merge-rows-card.tsx'
import { MergeSchemaCard } from './merge-schema-card.tsx'

/** The preview of a merge and its two steps: first the schema, then the rows. */
export function MergePage() {
  const place = { ns: useNamespace(), db: useDatabase(), ref: refIn(useLocation().pathname) }
  if (useCan('admin')) return <Preview key={JSON.stringify(place)} {...place} />
  return (
    <Page {...getHeading(place)}>
      <RequireRole least="admin" what="A merge changes the schema and rows of the parent.">
        {null}
      </RequireRole>
    </Page>
  )
}

/** Parses the branch from the path itself, because the router decodes `%2F` in its name to a slash. */
function refIn(path: string): string {
  const encoded = path.slice(path.indexOf(MERGE) + MERGE.length)
  try {
    return decodeURIComponent(encoded)
  } catch {
    return encoded
  }
}
const MERGE = '/branches/merge/'

type Place = Pick<MergePlan, 'ns' | 'db' | 'ref'>
const getHeading = ({ ns, db, ref }: Place) => ({
  title: `Merge ${ref} into ${db}`,
  back: { to: databasePath(ns, db, 'branches'), name: 'All branches' },
})

function Preview({ ns, db, ref }: Place) {
  const [asked, ask] = useQueryParam('side')
  const [merged, setMerged] = useQueryParam('merged')
  const side: MergePlan['side'] = asked === 'branch' || asked === 'parent' ? asked : 'abort'
  const { data, error, refetch, isFetching, isPlaceholderData } = useApiQuery(
    'POST /api/namespaces/{ns}/databases/{db}/branches/{ref}/merge',
    { ns, db, ref, mode: 'preview', onConflict: side },
    // Another side only changes some numbers: the page stays, and the radio button keeps its focus.
    { keepsBefore: true },
  )
  const plan: MergePlan | undefined = data && {
    ...{ ns, db, ref, side, report: data, onMerged: setMerged },
    isOld: isPlaceholderData,
  }
  return (
    <Page
      {...getHeading({ ns, db, ref })}
      lead="Preview only. Nothing changes until you merge."
      actions={
        <Button busy={isFetching} onClick={() => refetch()}>
          Refresh
        </Button>
      }
    >
      {merged && <MergeResult snapshot={merged} onEnd={() => setMerged(null)} />}
      {error && <ErrorPanel error={error} onRetry={refetch} />}
      {!plan && !error && <SkeletonRows rows={10} label="Comparing branch and parent" />}
      {plan && <MergeSchemaCard {...plan} />}
      {plan && <MergeRowsCard {...plan} onSide={(chosen) => ask(chosen === 'abort' ? null : chosen)} />}
    </Page>
  )
}
