import type { ReactNode } from 'react'
import { Field } from './field.tsx'
import { Input } from './input.tsx'

interface SlugFieldProps {
  label: string
  value: string
  onChange: (slug: string) => void
  hint?: ReactNode
}

/** What can be a name in an address, made of what was typed. */
const slugOf = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)

/** A name that stands in addresses: what is typed becomes one. */
export const SlugField = ({ label, value, onChange, hint }: SlugFieldProps) => (
  <Field label={label} hint={hint}>
    {(control) => (
      <Input
        {...control}
        value={value}
        onChange={({ target }) => onChange(slugOf(target.value))}
        required
        maxLength={63}
        autoComplete="off"
        autoCapitalize="none"
        spellCheck={false}
        className="font-mono"
      />
    )}
  </Field>
)
