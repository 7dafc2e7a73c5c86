import { context } from 'esbuild'
import { platformBuild, writeModules } from '../build.ts'

/** Builds the platform to `outfile`, and again after each change of its sources. Errors are written to stderr. */
export async function watchPlatform(outfile: string, onBuild: () => void): Promise<{ stop(): Promise<void> }> {
  const builder = await context({
    ...platformBuild(outfile),
    // Stack traces have lines.
    minifySyntax: false,
    minifyWhitespace: false,
    plugins: [
      {
        name: 'write-and-report',
        setup(build) {
          build.onEnd(async ({ errors, outputFiles = [] }) => {
            if (errors.length > 0) return void process.stderr.write('Waiting for a change.\n')
            await writeModules(outputFiles)
            onBuild()
          })
        },
      },
    ],
  })
  await builder.watch()
  return { stop: () => builder.dispose() }
}
