import * as z from 'zod'

/**
 * Removes `null` fields that are optional and not nullable: many AI models send `null` for every optional argument.
 * Items of arrays stay, because their position matters. Nothing else changes.
 */
export function withoutNulls(schema: z.ZodType, value: unknown): unknown {
  return holdsNull(value) ? cleaned(schema, value) : value
}

/** Returns whether a field is optional and not nullable. */
export const isNullLeftOut = (schema: z.ZodType): boolean =>
  !schema.safeParse(null).success && schema.safeParse(undefined).success

function cleaned(schema: z.ZodType, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const inner = unwrapped(schema)
  if (inner instanceof z.ZodUnion) return cleanedByOne(inner.options as z.ZodType[], value)
  if (Array.isArray(value)) {
    return inner instanceof z.ZodArray ? value.map((item) => cleaned(inner.element as z.ZodType, item)) : value
  }
  if (!(inner instanceof z.ZodObject)) return value
  const shape = inner.shape as Record<string, z.ZodType>
  const fields = Object.entries(value).flatMap(([name, given]) => {
    const field = Object.hasOwn(shape, name) ? shape[name] : undefined
    if (!field) return [[name, given]]
    return given === null && isNullLeftOut(field) ? [] : [[name, cleaned(field, given)]]
  })
  return Object.fromEntries(fields)
}

/** Returns the value cleaned for the first schema that accepts it, or unchanged if none does. */
function cleanedByOne(options: readonly z.ZodType[], value: unknown): unknown {
  for (const option of options) {
    const candidate = cleaned(option, value)
    if (option.safeParse(candidate).success) return candidate
  }
  return value
}

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable || schema instanceof z.ZodDefault) {
    return unwrapped(schema.unwrap() as z.ZodType)
  }
  return schema instanceof z.ZodPipe ? unwrapped(schema.in as z.ZodType) : schema
}

function holdsNull(value: unknown): boolean {
  if (value === null) return true
  return typeof value === 'object' && Object.values(value).some(holdsNull)
}
