import { coreTools } from './core-tools.ts'
import { isListed, type Profile } from './tool-profile.ts'
import { type Definition, readingOnly, type Tool, toolNames, toolOf } from './tools.ts'

// One list for each choice of groups, of which there are some sixty.
const lists = new Map<string, Definition[]>()

/** Tools as an address lists them. */
export function definitions(profile: Profile): Definition[] {
  const key = `${profile.readonly} ${profile.groups ? [...profile.groups].sort() : 'short'}`
  let list = lists.get(key)
  if (!list) {
    list = listed(profile)
    lists.set(key, list)
    texts.set(list, JSON.stringify(list))
  }
  return list
}

// As long as its list.
const texts = new WeakMap<object, string>()

/** The JSON of something that `definitions` gave; `undefined` for all else. */
export const listText = (list: unknown): string | undefined => texts.get(Object(list))

function listed(profile: Profile): Definition[] {
  const tools = toolNames(profile.readonly).filter((name) => isListed(name, profile))
  const short = profile.groups ? [] : Object.values(coreTools).map(({ definition }) => definition)
  const all = [...tools.map((name) => (toolOf(name) as Tool).definition), ...short]
  return profile.readonly ? all.map(readingOnly) : all
}
