/** Converts only ASCII letters to lower case, as SQLite does when it compares names. */
export const lower = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

/** Quotes any name for use in SQL. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`
