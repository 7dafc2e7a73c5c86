// The fonts of the system, like the console: no page waits for a font.
export { default } from 'vitepress/theme-without-fonts'
