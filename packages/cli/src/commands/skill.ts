import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CliError, usage } from '../cli-error.ts'
import { command } from '../command.ts'
import { SKILL } from '../skill-text.ts'

export const skillInstall = command({
  path: 'skill install',
  summary: 'Write a SKILL.md that teaches agents to use PerSQL',
  details: 'The file is written to .claude/skills in this folder, or in your home folder with --global.',
  options: {
    global: { help: 'Install for all of your projects' },
    dir: { help: 'Skills folder', value: 'folder', file: true },
    force: { help: 'Overwrite an existing file that PerSQL did not write' },
  },
  async run(_ctx, { options }) {
    if (options.global && options.dir !== undefined) throw usage('Pass --global or --dir, not both.')
    const skills = options.dir ?? join(options.global ? homedir() : process.cwd(), '.claude', 'skills')
    const path = join(skills, 'persql', 'SKILL.md')
    const there = await readFile(path, 'utf8').catch(() => undefined)
    if (there !== undefined && !there.startsWith('---\nname: persql\n') && !options.force) {
      throw new CliError(
        'conflict',
        'not_ours',
        `${path} already exists and wasn't written by PerSQL. To overwrite it, pass --force.`,
      )
    }
    await mkdir(join(skills, 'persql'), { recursive: true })
    await writeFile(path, SKILL)
    return { json: { path, replaced: there !== undefined }, text: `Wrote ${path}.` }
  },
})
