import { dateRules } from './dates.ts'
import { docRule } from './docs.ts'
import { indexRules } from './indexes.ts'
import { keyRules } from './keys.ts'
import { nameRules } from './names.ts'
import type { Rule } from './rule-types.ts'
import { valueRules } from './values.ts'

/** All that the doctor looks for in a table. */
export const rules: readonly Rule[] = [...keyRules, ...indexRules, ...valueRules, ...dateRules, ...nameRules, docRule]
