import { TandemError } from '../core/errors.ts'

/** The Region of a client. The SDK has no error of its own for none: it would look as if AWS had not answered. @throws TandemError InvalidInput */
export async function requireRegion(client: {
  readonly config: { readonly region: string | (() => Promise<string>) }
}): Promise<string> {
  const { region } = client.config
  try {
    return typeof region === 'string' ? region : await region()
  } catch (error) {
    throw new TandemError('InvalidInput', 'No Region is set. Set AWS_REGION, or a Region in your AWS profile.', {
      cause: error,
    })
  }
}
