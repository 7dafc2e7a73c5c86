import type { Hostname } from '@persql/contract'
import { useCan } from '../../../shell/membership.ts'
import { Badge } from '../../../ui/badge.tsx'
import { Button } from '../../../ui/button.tsx'
import { CopyButton } from '../../../ui/copy-button.tsx'
import { capitalize, formatMoment } from '../../../ui/format.ts'
import { Card } from '../../../ui/page.tsx'

interface HostnameCardProps {
  hostname: Hostname
  /** Whether its DNS records are being checked. */
  busy: boolean
  onRefresh: () => void
  onDelete: () => void
}

const TONES = { active: 'success', pending: 'warning', failed: 'danger' } as const

/** A custom hostname, with its status and the DNS records that it needs. */
export function HostnameCard({ hostname, busy, onRefresh, onDelete }: HostnameCardProps) {
  const may = useCan('editor')
  const { status, verification, target, certificate, error, verifiedAt } = hostname
  return (
    <Card
      title={hostname.hostname}
      actions={
        <span className="flex flex-wrap items-center gap-2">
          <Badge tone={TONES[status]}>{capitalize(status)}</Badge>
          {may && (
            <>
              <Button size="small" busy={busy} onClick={onRefresh}>
                Check DNS
              </Button>
              <Button size="small" aria-label={`Delete ${hostname.hostname}`} onClick={onDelete}>
                Delete
              </Button>
            </>
          )}
        </span>
      }
    >
      {error && (
        <p role="status" className="break-words text-danger">
          {error}
        </p>
      )}
      <p className="text-muted">
        {verifiedAt
          ? `Verified ${formatMoment(verifiedAt)}. Keep both DNS records in place.`
          : 'Add these 2 records at your DNS provider, then choose Check DNS. DNS changes can take minutes to hours.'}
      </p>
      <Record type="TXT" name={verification.name} value={verification.value} why="verifies that you own the domain" />
      <Record type="CNAME" name={hostname.hostname} value={target} why="routes traffic to this instance" />
      {certificate && (
        <p className="text-sm text-muted">
          Certificate: {certificate.status}
          {certificate.errors.length > 0 && ` (${certificate.errors.join('; ')})`}
        </p>
      )}
    </Card>
  )
}

const Record = ({ type, name, value, why }: { type: string; name: string; value: string; why: string }) => (
  <dl className="grid gap-2 rounded-field bg-sunken p-3 text-sm">
    <div className="flex flex-wrap gap-2">
      <dt className="sr-only">Type</dt>
      <dd>
        <span className="font-medium">{type}</span> <span className="text-muted">{why}</span>
      </dd>
    </div>
    {(['Name', 'Value'] as const).map((part) => (
      <div key={part} className="flex flex-wrap items-center justify-between gap-2">
        <dt className="text-muted">{part}</dt>
        <dd className="flex min-w-0 flex-wrap items-center gap-2">
          <code className="font-mono wrap-anywhere">{part === 'Name' ? name : value}</code>
          <CopyButton text={part === 'Name' ? name : value} label={`Copy ${part.toLowerCase()} of ${type}`} />
        </dd>
      </div>
    ))}
  </dl>
)
