import { Slot } from 'radix-ui'
import type { ComponentProps } from 'react'
import { classes } from './class-names.ts'
import { Spinner } from './spinner.tsx'

const LOOKS = {
  primary: 'bg-accent text-on-accent border-transparent hover:bg-accent-strong',
  secondary: 'bg-surface text-ink border-line-strong/60 hover:bg-sunken',
  quiet: 'bg-transparent text-ink border-transparent hover:bg-sunken',
  /** Leads to a deed that cannot be undone, and asks first. */
  'soft-danger': 'bg-surface text-danger border-line-strong/60 hover:bg-danger-soft',
  danger: 'bg-danger text-on-danger border-transparent hover:bg-danger-strong',
}
const SIZES = { small: 'h-8 px-2.5 text-sm gap-1.5', normal: 'h-10 px-4 gap-2', icon: 'size-9' }

const ALIGNMENTS = { center: 'justify-center', start: 'justify-start', between: 'justify-between' }

interface ButtonProps extends ComponentProps<'button'> {
  look?: keyof typeof LOOKS
  /** `icon` is a square: give it an `aria-label`. */
  size?: keyof typeof SIZES
  /** Where its content stands, when it is wider than that. */
  align?: keyof typeof ALIGNMENTS
  /** Shows that it is at work and takes no further clicks; its width stays. */
  busy?: boolean
  /** Dresses its one child, a link for instance, as a button. */
  asChild?: boolean
}

/** A button. It submits nothing unless `type` says so. */
export function Button({
  look = 'secondary',
  size = 'normal',
  align = 'center',
  busy = false,
  asChild = false,
  className,
  children,
  ...rest
}: ButtonProps) {
  const look_ = classes(
    'relative inline-flex shrink-0 items-center rounded-field border font-medium whitespace-nowrap transition-colors select-none',
    'disabled:opacity-60 aria-disabled:opacity-60',
    LOOKS[look],
    SIZES[size],
    ALIGNMENTS[align],
    className,
  )
  if (asChild) {
    return (
      <Slot.Root className={look_} {...rest}>
        {children}
      </Slot.Root>
    )
  }
  return (
    <button type="button" {...rest} className={look_} aria-busy={busy || undefined} disabled={rest.disabled || busy}>
      {busy ? <span className="invisible contents *:invisible">{children}</span> : children}
      {busy && (
        <span className="absolute inset-0 grid place-items-center">
          <Spinner label="Loading" />
        </span>
      )}
    </button>
  )
}
