/** Returns a hint of the server with its routes replaced by the commands that do the same. */
export const toCommandHint = (hint: string, tables: string, schema: string): string =>
  hint.replace(
    /GET …\/(tables|schema) lists ([^.]+)/,
    (_, route: string, objects: string) => `Run ${route === 'tables' ? tables : schema} to list ${objects}`,
  )
