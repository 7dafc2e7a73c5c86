import { Check, Copy } from 'lucide-react'
import { useEffect, useState } from 'react'
import { Button } from './button.tsx'

interface CopyButtonProps {
  text: string
  /** The accessible name, such as "Copy token". */
  label?: string
}

/** A button that copies a text and briefly confirms it. */
export function CopyButton({ text, label = 'Copy' }: CopyButtonProps) {
  const [state, setState] = useState<'idle' | 'copied' | 'failed'>('idle')
  useEffect(() => {
    if (state === 'idle') return
    const timer = setTimeout(() => setState('idle'), 2000)
    return () => clearTimeout(timer)
  }, [state])
  const copy = () =>
    copyText(text).then(
      () => setState('copied'),
      () => setState('failed'),
    )
  const said = { idle: 'Copy', copied: 'Copied', failed: 'Select the text and copy it' }[state]
  return (
    <Button size="small" onClick={copy} aria-label={state === 'idle' ? label : undefined}>
      {state === 'copied' ? <Check aria-hidden className="size-3.5" /> : <Copy aria-hidden className="size-3.5" />}
      <span aria-live="polite">{said}</span>
    </Button>
  )
}

/** Copies a text. Browsers offer no clipboard API on insecure pages, where `execCommand` still works. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'fixed opacity-0'
  const active = document.activeElement as HTMLElement | null
  active?.parentElement?.append(area)
  area.select()
  const copied = document.execCommand('copy')
  area.remove()
  active?.focus()
  if (!copied) throw new Error('not copied')
}
