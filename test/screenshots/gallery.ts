import type { Picture } from './pages.ts'

const INTRO = `# The console in pictures

Every page on a desktop and on a phone, in the color scheme of your system. \`npm run screenshots\` generates the images
and this page. The command fills a new instance with the data of a small shop.
`

/** Returns the file name of an image, relative to the page. */
export const getFileName = (name: string, theme: 'light' | 'dark', size: 'wide' | 'phone'): string =>
  `${name}-${theme}-${size}.webp`

/** Returns the documentation page with all images. */
export const gallery = (pictures: readonly Picture[]): string =>
  [
    INTRO,
    ...pictures.map(
      (picture) => `## ${toTitle(picture)}\n\n${shown(picture, 'wide', 640)}\n${shown(picture, 'phone', 185)}\n`,
    ),
  ].join('\n')

const toTitle = ({ name, title }: Picture) => title ?? name.charAt(0).toUpperCase() + name.slice(1).replaceAll('-', ' ')

const shown = (picture: Picture, size: 'wide' | 'phone', width: number) =>
  `<picture><source media="(prefers-color-scheme: dark)" srcset="screenshots/${getFileName(picture.name, 'dark', size)}">` +
  `<img alt="${toTitle(picture)}, ${size === 'wide' ? 'on a desktop' : 'on a phone'}" width="${width}" src="screenshots/${getFileName(picture.name, 'light', size)}"></picture>`
