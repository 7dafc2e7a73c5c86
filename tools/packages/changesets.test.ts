import { basename } from 'node:path'
import { expect, test } from 'vitest'
import { findFiles, readPage } from '../docs/pages.ts'

/** The packages and the sentence of a changeset, as npm run release:version reads them. */
const CONTENT = /^---\n((?:'@persql\/[a-z-]+': (?:patch|minor|major)\n)+)---\n\n[A-Z]/

test('changesets name packages of this repository and have a sentence', () => {
  const files = findFiles('.changeset', /\.md$/).filter((file) => basename(file) !== 'README.md')
  const unreadable = files.filter((file) => !CONTENT.test(readPage(file)))
  expect(unreadable).toEqual([])
  const lists = files.map((file) => CONTENT.exec(readPage(file))?.[1] ?? '')
  const named = new Set(lists.flatMap((list) => [...list.matchAll(/@persql\/[a-z-]+/g)].map(([name]) => name)))
  const manifests = findFiles('packages', /^package\.json$/).map((file) => JSON.parse(readPage(file)))
  expect(manifests.filter(({ private: isPrivate }) => !isPrivate).map(({ name }) => name)).toEqual(
    expect.arrayContaining([...named]),
  )
})
