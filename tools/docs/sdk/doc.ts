/** Returns whether a doc comment marks its declaration as deprecated. */
export const isDeprecated = (doc: string): boolean => doc.startsWith('@deprecated')

/** Returns a doc comment as Markdown: its text, its parameters as a list, and what it throws. @throws Error without a text */
export function formatDoc(doc: string, of: string): string {
  const [text = '', ...tags] = doc.split(/(?:^|\s)@(?=(?:param|throws)\b)/)
  if (text.trim() === '') throw new Error(`"${of}" has no description in the sources of the SDK.`)
  const parameters = tags.flatMap((tag) => {
    const [, name, meaning = ''] = /^param (\S+) ([\s\S]+)$/.exec(tag) ?? []
    return name ? [`- \`${name}\`: ${unwrap(meaning)}`] : []
  })
  const thrown = tags.flatMap((tag) => /^throws (\w+)(?: `(\w+)`)?/.exec(tag)?.slice(1).filter(Boolean) ?? [])
  return [
    unwrap(text).replaceAll(/\n\n+/g, '\n\n'),
    parameters.join('\n'),
    thrown.length > 0 && `Throws ${thrown.map((name) => `\`${name}\``).join(' ')}.`,
  ]
    .filter(Boolean)
    .join('\n\n')
}

const unwrap = (text: string) => text.trim().replace(/(?<!\n)\n(?!\n)/g, ' ')
