import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { command } from '../command.ts'
import { CliError, usage } from '../exits.ts'
import { SKILL } from '../skill-text.ts'

export const skillInstall = command({
  path: 'skill install',
  summary: 'Write a SKILL.md that teaches agents to use PerSQL',
  details: 'Into .claude/skills of this folder, or with --global of the home folder.',
  options: {
    global: { help: 'For all projects of this user' },
    dir: { help: 'The folder of skills', value: 'folder', file: true },
    force: { help: 'Replace a file that is not of this program' },
  },
  async run(_ctx, { options }) {
    if (options.global && options.dir !== undefined) throw usage('Give --global or --dir, not both.')
    const skills = options.dir ?? join(options.global ? homedir() : process.cwd(), '.claude', 'skills')
    const path = join(skills, 'persql', 'SKILL.md')
    const there = await readFile(path, 'utf8').catch(() => undefined)
    if (there !== undefined && !there.startsWith('---\nname: persql\n') && !options.force) {
      throw new CliError('conflict', 'not_ours', `${path} is another file. --force replaces it.`)
    }
    await mkdir(join(skills, 'persql'), { recursive: true })
    await writeFile(path, SKILL)
    return { json: { path, replaced: there !== undefined }, text: `Wrote ${path}.` }
  },
})
