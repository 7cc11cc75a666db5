import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { PROVISIONERS, type Provisioning } from './provisioners.ts'
import { referencesOf, Resolver, type Provisioned, type Template } from './template.ts'

/** `<stack>.assets.json`: where each asset of the stack lies. */
interface AssetManifest {
  readonly files: Readonly<
    Record<
      string,
      {
        readonly source: { readonly path: string; readonly packaging: 'file' | 'zip' }
        readonly destinations: Readonly<Record<string, { readonly bucketName: string; readonly objectKey: string }>>
      }
    >
  >
}

export interface DeployOptions extends Pick<
  Provisioning,
  'accountId' | 'region' | 'clients' | 'registerFunction' | 'addStatement' | 'putDataKey'
> {
  /** The cloud assembly: `cdk.out`. */
  readonly directory: string
  readonly stackName: string
}

/**
 * Creates the resources of a synthesised stack, each after those it refers to. There is no update and no rollback: this
 * account lives as long as its process. Throws on a resource type or an intrinsic function that it does not know.
 */
export async function deployStack(options: DeployOptions): Promise<Readonly<Record<string, Provisioned>>> {
  const { directory, stackName } = options
  const { Resources: resources } = read<Template>(join(directory, `${stackName}.template.json`))
  const { files } = read<AssetManifest>(join(directory, `${stackName}.assets.json`))
  const provisioned: Record<string, Provisioned> = {}
  const resolver = new Resolver(options, (id) => {
    const found = provisioned[id]
    if (!found) throw new Error(`The template refers to ${id}, which is not one of its resources.`)
    return found
  })
  const assetDirectory = (key: string): string => {
    const asset = files[key.split('.')[0] ?? '']
    if (!asset) throw new Error(`There is no asset ${key} in ${directory}.`)
    return resolve(directory, asset.source.path)
  }
  await publishFiles(options, files)
  for (const logicalId of inOrder(resources)) {
    const resource = resources[logicalId]
    const provision = PROVISIONERS[resource?.Type ?? '']
    if (!resource || !provision)
      throw new Error(`${logicalId} is of type ${resource?.Type}, which this account cannot deploy.`)
    const properties = resolver.resolve(resource.Properties ?? {}) as Readonly<Record<string, unknown>>
    provisioned[logicalId] = await provision({ ...options, logicalId, properties, assetDirectory })
  }
  return provisioned
}

/**
 * Puts assets that are a single file into the bootstrap's bucket, as `cdk deploy` does before it deploys. Folders stay where
 * they are: Lambdas read their code from there.
 */
async function publishFiles(
  { directory, clients, accountId, region }: DeployOptions,
  files: AssetManifest['files'],
): Promise<void> {
  const here = (text: string): string =>
    text.replaceAll('${AWS::AccountId}', accountId).replaceAll('${AWS::Region}', region)
  const made = new Set<string>()
  for (const { source, destinations } of Object.values(files)) {
    if (source.packaging !== 'file' || source.path.endsWith('.template.json')) continue
    for (const { bucketName, objectKey } of Object.values(destinations)) {
      const Bucket = here(bucketName)
      if (!made.has(Bucket)) await clients.s3.send(new CreateBucketCommand({ Bucket }))
      made.add(Bucket)
      const Body = readFileSync(resolve(directory, source.path))
      await clients.s3.send(new PutObjectCommand({ Bucket, Key: objectKey, Body }))
    }
  }
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

/** Logical ids, each after all that it refers to or depends on. Throws on a circle. */
function inOrder(resources: Template['Resources']): string[] {
  const order: string[] = []
  const visiting = new Set<string>()
  const visit = (id: string): void => {
    const resource = resources[id]
    if (!resource || order.includes(id)) return
    if (visiting.has(id)) throw new Error(`${id} depends on itself.`)
    visiting.add(id)
    for (const before of [...referencesOf(resource.Properties), ...[resource.DependsOn ?? []].flat()]) visit(before)
    visiting.delete(id)
    order.push(id)
  }
  for (const id of Object.keys(resources)) visit(id)
  return order
}
