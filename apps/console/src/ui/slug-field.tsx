import type { ReactNode } from 'react'
import { Field } from './field.tsx'
import { Input } from './input.tsx'

interface SlugFieldProps {
  label: string
  value: string
  onChange: (slug: string) => void
  hint?: ReactNode
}

/** Converts typed text to a valid slug. */
const toSlug = (text: string) =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, '-')
    .replace(/^[^a-z]+/, '')
    .slice(0, 63)

/** A field for a name that is part of URLs. It converts the typed text to a slug. */
export const SlugField = ({ label, value, onChange, hint }: SlugFieldProps) => (
  <Field label={label} hint={hint}>
    {(control) => (
      <Input
        {...control}
        value={value}
        onChange={({ target }) => onChange(toSlug(target.value))}
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
