import { coreTools } from './core-tools.ts'
import { isListed, type Profile } from './tool-profile.ts'
import { type Definition, getTool, readingOnly, type Tool, toolNames } from './tools.ts'

// One list per combination of groups: about sixty.
const lists = new Map<string, Definition[]>()

/** Returns the tools that a profile lists. */
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

// Each text lives as long as its list.
const texts = new WeakMap<object, string>()

/** Returns the JSON of a list from `definitions`, or `undefined` for any other value. */
export const listText = (list: unknown): string | undefined => texts.get(Object(list))

function listed(profile: Profile): Definition[] {
  const tools = toolNames(profile.readonly).filter((name) => isListed(name, profile))
  const short = profile.groups ? [] : Object.values(coreTools).map(({ definition }) => definition)
  const all = [...tools.map((name) => (getTool(name) as Tool).definition), ...short]
  return profile.readonly ? all.map(readingOnly) : all
}
