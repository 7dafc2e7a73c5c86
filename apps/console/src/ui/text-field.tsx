import type { ComponentProps, ReactNode } from 'react'
import { Field } from './field.tsx'
import { Input, Select, Textarea } from './input.tsx'

interface Named {
  label: string
  value: string
  onChange: (value: string) => void
  hint?: ReactNode
  error?: string | undefined
}
type Rest<E extends 'input' | 'textarea' | 'select'> = Omit<ComponentProps<E>, keyof Named>

/** A single-line text field with its label. */
export const TextField = ({ label, value, onChange, hint, error, ...rest }: Named & Rest<'input'>) => (
  <Field label={label} hint={hint} error={error}>
    {(control) => (
      <Input
        autoComplete="off"
        {...rest}
        {...control}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    )}
  </Field>
)

/** A code field of several lines with its label. */
export const CodeField = ({ label, value, onChange, hint, error, ...rest }: Named & Rest<'textarea'>) => (
  <Field label={label} hint={hint} error={error}>
    {(control) => (
      <Textarea
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        className="font-mono text-sm"
        {...rest}
        {...control}
        value={value}
        onChange={({ target }) => onChange(target.value)}
      />
    )}
  </Field>
)

/** A select with its label. */
export const SelectField = ({
  label,
  value,
  onChange,
  hint,
  error,
  options,
  ...rest
}: Named & Rest<'select'> & { options: readonly (readonly [value: string, name: string])[] }) => (
  <Field label={label} hint={hint} error={error}>
    {(control) => (
      <Select {...rest} {...control} value={value} onChange={({ target }) => onChange(target.value)}>
        {options.map(([key, name]) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </Select>
    )}
  </Field>
)
