import { dateRules } from './dates.ts'
import { docRule } from './docs.ts'
import { indexRules } from './indexes.ts'
import { keyRules } from './keys.ts'
import { nameRules } from './names.ts'
import type { Rule } from './rule-types.ts'
import { valueRules } from './values.ts'

/** The rules that the schema doctor applies to tables. */
export const rules: readonly Rule[] = [...keyRules, ...indexRules, ...valueRules, ...dateRules, ...nameRules, docRule]
