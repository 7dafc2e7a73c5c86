import type { ComponentProps } from 'react'
import { classes } from './class-names.ts'

const FIELD =
  'block min-w-0 rounded-field border border-line-strong bg-surface px-3 text-ink placeholder:text-muted disabled:opacity-60 aria-invalid:border-danger'

/** Full width, unless `className` sets a width. */
const getWidthClass = (className: string | undefined) => !/(^|\s)w-/.test(className ?? '') && 'w-full'

/** A single-line text field. It needs a `Field` around it or an `aria-label`. */
export const Input = ({ className, ...rest }: ComponentProps<'input'>) => (
  <input {...rest} className={classes(FIELD, getWidthClass(className), 'h-10', className)} />
)

/** A text field of several lines. */
export const Textarea = ({ className, ...rest }: ComponentProps<'textarea'>) => (
  <textarea
    {...rest}
    className={classes(FIELD, getWidthClass(className), rest.rows === 1 ? 'min-h-10' : 'min-h-24', 'py-2', className)}
  />
)

/** A native select, which works well on phones and with every keyboard. */
export const Select = ({ className, ...rest }: ComponentProps<'select'>) => (
  <select {...rest} className={classes(FIELD, getWidthClass(className), 'h-10 pr-8', className)} />
)

interface CheckboxProps extends Omit<ComponentProps<'input'>, 'type'> {
  label: string
  hint?: string
}

/** A checkbox with its label. */
export const Checkbox = ({ label, hint, className, ...rest }: CheckboxProps) => (
  <label className={classes('flex items-start gap-2.5', className)}>
    <input type="checkbox" {...rest} className="mt-1 size-4 accent-accent" />
    <span>
      {label}
      {hint && <span className="block text-sm text-muted">{hint}</span>}
    </span>
  </label>
)
