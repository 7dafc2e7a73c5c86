import type { Picture } from './pages.ts'

const INTRO = `# The console in pictures

Every page on a desktop and on a phone, in the color scheme of your system. The images and this page are generated
by \`npm run screenshots\`, which opens a small shop on a platform of its own.
`

/** Returns the file name of an image, relative to the page. */
export const getFileName = (name: string, theme: 'light' | 'dark', size: 'wide' | 'phone'): string =>
  `${name}-${theme}-${size}.webp`

/** Returns the documentation page with all images. */
export const gallery = (pictures: readonly Picture[]): string =>
  [
    INTRO,
    ...pictures.map(({ name }) => `## ${toTitle(name)}\n\n${shown(name, 'wide', 640)}\n${shown(name, 'phone', 185)}\n`),
  ].join('\n')

const toTitle = (name: string) => name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ')

const shown = (name: string, size: 'wide' | 'phone', width: number) =>
  `<picture><source media="(prefers-color-scheme: dark)" srcset="screenshots/${getFileName(name, 'dark', size)}">` +
  `<img alt="${toTitle(name)}, ${size === 'wide' ? 'at a desk' : 'on a phone'}" width="${width}" src="screenshots/${getFileName(name, 'light', size)}"></picture>`
