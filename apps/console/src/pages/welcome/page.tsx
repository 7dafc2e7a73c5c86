import { Link } from 'react-router'
import { useCall, useDo } from '../../api/hooks.ts'
import { databasePath, namespacePath, useNamespace } from '../../shell/address.ts'
import { useBilling } from '../../shell/billing.ts'
import { useMay } from '../../shell/membership.ts'
import { Button } from '../../ui/button.tsx'
import { ChoiceTabs } from '../../ui/choice-tabs.tsx'
import { CodeBlock } from '../../ui/code-block.tsx'
import { CopyButton } from '../../ui/copy-button.tsx'
import { ErrorPanel } from '../../ui/error-panel.tsx'
import { formatUsd } from '../../ui/format.ts'
import { Card, Page } from '../../ui/page.tsx'
import { Skeleton } from '../../ui/skeleton.tsx'
import { snippets } from './snippets.ts'

/** From nothing to the first rows: balance, a token, and what to paste. */
export function WelcomePage() {
  const ns = useNamespace()
  const databases = useCall('GET /api/namespaces/{ns}/databases', { ns })
  const minting = useDo('POST /api/namespaces/{ns}/tokens', ['GET /api/namespaces/{ns}/tokens'])
  const slug = (databases.data?.find(({ slug }) => slug === 'main') ?? databases.data?.[0])?.slug ?? 'main'
  const token = minting.data?.token
  const mayMint = useMay('admin')
  const place = { origin: location.origin, address: `${ns}/${slug}`, token: token ?? 'YOUR_TOKEN' }
  return (
    <Page title={`Welcome to ${ns}`} lead="Two minutes from here to rows of your own: take a token, paste a line.">
      <div className="grid gap-6 lg:grid-cols-2">
        <Balance ns={ns} />
        <Card title="Your database">
          {databases.error && <ErrorPanel error={databases.error} onRetry={databases.refetch} />}
          {databases.data?.length === 0 ? (
            <p>
              There is none yet.{' '}
              {mayMint ? (
                <>
                  The first query of your token makes <code className="font-mono wrap-anywhere">{`${ns}/${slug}`}</code>
                  , or{' '}
                  <Link className="text-accent underline" to={`${namespacePath(ns)}?new=`}>
                    make one
                  </Link>{' '}
                  under a name of your own.
                </>
              ) : (
                'Ask an editor of this namespace to make one.'
              )}
            </p>
          ) : databases.data ? (
            <p>
              <Link className="font-mono font-medium text-accent underline wrap-anywhere" to={databasePath(ns, slug)}>
                {ns}/{slug}
              </Link>{' '}
              is one SQLite file that nobody else shares. Every app, agent or customer can have one of its own.
            </p>
          ) : (
            <Skeleton className="h-12" />
          )}
        </Card>
      </div>
      <TokenCard ns={ns} mayMint={mayMint} minting={minting} />
      <Card title="First rows">
        <ChoiceTabs
          label="Clients"
          param="client"
          choices={snippets(place).map(({ id, name, where, code }) => ({
            id,
            name,
            content: (
              <>
                <p className="text-muted">
                  {where}
                  {token
                    ? ':'
                    : mayMint
                      ? '. Create a token first: it is put in for you.'
                      : ', with a token in place of YOUR_TOKEN:'}
                </p>
                <CodeBlock label={name} code={code} />
              </>
            ),
          }))}
        />
      </Card>
    </Page>
  )
}

type Minting = ReturnType<typeof useDo<'POST /api/namespaces/{ns}/tokens'>>

function TokenCard({ ns, mayMint, minting }: { ns: string; mayMint: boolean; minting: Minting }) {
  const { data, error, isPending, mutate } = minting
  return (
    <Card title="A token">
      {data ? (
        <>
          <p>This is its only appearance. Keep it where your program reads it, or revoke it under Settings.</p>
          <div className="flex flex-wrap items-center gap-2">
            <code className="min-w-0 rounded-field border border-line bg-sunken px-3 py-1.5 font-mono text-sm break-all">
              {data.token}
            </code>
            <CopyButton text={data.token} label="Copy token" />
          </div>
        </>
      ) : (
        <>
          <p className="text-muted">
            {mayMint
              ? 'Programs sign in with a token. This one may do everything in the namespace; narrower ones are made under Settings.'
              : 'Programs sign in with a token. Ask an admin of this namespace for one.'}
          </p>
          {mayMint && (
            <div>
              <Button look="primary" busy={isPending} onClick={() => mutate({ ns, name: 'First token' })}>
                Create a token
              </Button>
            </div>
          )}
        </>
      )}
      {error && <ErrorPanel error={error} />}
    </Card>
  )
}

function Balance({ ns }: { ns: string }) {
  const isOwner = useMay('owner')
  const { data, error } = useBilling(ns, { enabled: isOwner })
  return (
    <Card title="Balance">
      {error ? (
        <ErrorPanel error={error} />
      ) : isOwner ? (
        <>
          <p className="text-3xl font-semibold tabular-nums">
            {data ? formatUsd(data.balanceUsd) : <Skeleton className="h-9 w-28" />}
          </p>
          <p className="text-muted">
            Prepaid: $0.50 for a million requests, $5 for a billion rows read. When it is used up, calls stop and data
            stays.{' '}
            <Link className="text-accent underline" to={namespacePath(ns, 'settings')}>
              Settings
            </Link>
          </p>
        </>
      ) : (
        <p className="text-muted">The owner of this namespace pays for it and sees its balance.</p>
      )}
    </Card>
  )
}
