import type { Download } from 'playwright-core'

/** Returns the text of a downloaded file. */
export async function readDownload(download: Download): Promise<string> {
  const stream = await download.createReadStream()
  return (await stream.setEncoding('utf8').toArray()).join('')
}
