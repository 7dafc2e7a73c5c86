import { StoreError } from './store-error.ts'

/** Where S3-compatible storage is, and how to sign in. */
export interface S3Settings {
  readonly bucket: string
  /** The beginning of the keys: empty, or with a slash at the end. */
  readonly prefix: string
  readonly region: string
  /** The URL of storage that isn't on AWS. */
  readonly endpoint?: string
  /** Whether the bucket is in the path, not in the hostname. */
  readonly isPathStyle: boolean
  readonly credentials: {
    readonly accessKeyId: string
    readonly secretAccessKey: string
    readonly sessionToken?: string
  }
}

const target = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/
const prefixSegment = /^(?!\.{1,2}$)[A-Za-z0-9!_.*'()-]+$/

/**
 * Reads the settings of a target `s3://bucket/prefix` from the variables that the tools of AWS use.
 * @throws StoreError if the target is invalid or a variable is missing
 */
export function parseS3Settings(text: string, environment: Readonly<Record<string, string | undefined>>): S3Settings {
  const [, bucket, path = ''] = target.exec(text) ?? []
  const segments = path.split('/').filter((segment) => segment !== '')
  if (bucket === undefined || !segments.every((segment) => prefixSegment.test(segment))) {
    throw new StoreError(`Invalid target "${text}". Expected a bucket and a prefix, such as s3://my-bucket/persql.`)
  }
  const endpoint = environment.AWS_ENDPOINT_URL_S3 || environment.AWS_ENDPOINT_URL
  if (endpoint && !/^https?:$/.test(URL.canParse(endpoint) ? new URL(endpoint).protocol : '')) {
    throw new StoreError(`Invalid AWS_ENDPOINT_URL "${endpoint}". Expected a URL, such as https://s3.example.com.`)
  }
  const region = environment.AWS_REGION || environment.AWS_DEFAULT_REGION || (endpoint && 'us-east-1')
  const missing = ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'].filter((name) => !environment[name])
  if (missing.length > 0 || !region) {
    throw new StoreError(`The target ${text} needs ${[...missing, ...(region ? [] : ['AWS_REGION'])].join(' and ')}.`)
  }
  const sessionToken = environment.AWS_SESSION_TOKEN
  return {
    bucket,
    prefix: segments.map((segment) => `${segment}/`).join(''),
    region,
    ...(endpoint && { endpoint }),
    // The certificate of AWS covers one label in front of its hostname.
    isPathStyle: Boolean(endpoint) || bucket.includes('.'),
    credentials: {
      accessKeyId: environment.AWS_ACCESS_KEY_ID ?? '',
      secretAccessKey: environment.AWS_SECRET_ACCESS_KEY ?? '',
      ...(sessionToken && { sessionToken }),
    },
  }
}
