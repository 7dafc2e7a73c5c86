import { Slot } from 'radix-ui'
import type { ComponentProps } from 'react'
import { classes } from './class-names.ts'
import { Spinner } from './spinner.tsx'

const LOOKS = {
  primary: 'bg-accent text-on-accent border-transparent hover:bg-accent-strong',
  secondary: 'bg-surface text-ink border-line-strong/60 hover:bg-sunken',
  quiet: 'bg-transparent text-ink border-transparent hover:bg-sunken',
  /** Opens the confirmation of an action that can't be undone. */
  'soft-danger': 'bg-surface text-danger border-line-strong/60 hover:bg-danger-soft',
  danger: 'bg-danger text-on-danger border-transparent hover:bg-danger-strong',
}
const SIZES = { small: 'h-8 px-2.5 text-sm gap-1.5', normal: 'h-10 px-4 gap-2', icon: 'size-9' }

const ALIGNMENTS = { center: 'justify-center', start: 'justify-start', between: 'justify-between' }

interface ButtonProps extends ComponentProps<'button'> {
  look?: keyof typeof LOOKS
  /** `icon` is a square button, which needs an `aria-label`. */
  size?: keyof typeof SIZES
  /** The alignment of content that is narrower than the button. */
  align?: keyof typeof ALIGNMENTS
  /** Shows a spinner and ignores clicks. The width doesn't change. */
  busy?: boolean
  /** Styles the only child, such as a link, as a button. */
  asChild?: boolean
}

/** A button. It only submits a form if `type` is `submit`. */
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
