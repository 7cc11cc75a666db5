import type {
  CreateBucketOutput,
  CreateBucketRequest,
  DeleteBucketPolicyRequest,
  DeleteBucketRequest,
  DeletePublicAccessBlockRequest,
  GetBucketLocationOutput,
  GetBucketLocationRequest,
  GetBucketOwnershipControlsOutput,
  GetBucketOwnershipControlsRequest,
  GetBucketPolicyOutput,
  GetBucketPolicyRequest,
  GetBucketVersioningOutput,
  GetBucketVersioningRequest,
  GetPublicAccessBlockOutput,
  GetPublicAccessBlockRequest,
  HeadBucketOutput,
  HeadBucketRequest,
  ListBucketsOutput,
  ListBucketsRequest,
  PutBucketOwnershipControlsRequest,
  PutBucketPolicyRequest,
  PutBucketVersioningRequest,
  PutPublicAccessBlockRequest,
} from '@aws-sdk/client-s3'
import { AwsError } from '../wire/service.ts'
import type { Caller, Operations } from '../wire/service.ts'
import { checkPolicy } from './bucket-policy.ts'
import type { Buckets } from './buckets.ts'
import { invalidArgument, malformedXml, notFound, notImplemented } from './errors.ts'
import { pageOf } from './listing.ts'

const MAX_LISTED_BUCKETS = 10_000

export function bucketOperations(buckets: Buckets): Operations {
  return {
    CreateBucket(request: CreateBucketRequest, caller: Caller): CreateBucketOutput {
      const { region } = caller
      checkLocation(request, region)
      if (request.ObjectOwnership !== undefined && request.ObjectOwnership !== 'BucketOwnerEnforced') {
        throw notImplemented(`Object ownership ${request.ObjectOwnership} is not implemented.`)
      }
      const { state } = buckets.create(request.Bucket ?? '', caller)
      if (request.ObjectLockEnabledForBucket) {
        state.versioning = 'Enabled'
        state.objectLock = {}
      }
      return { Location: region === 'us-east-1' ? `/${state.name}` : `http://${state.name}.s3.amazonaws.com/` }
    },
    DeleteBucket(request: DeleteBucketRequest, caller: Caller): object {
      buckets.delete(buckets.of(request, caller))
      return {}
    },
    HeadBucket(request: HeadBucketRequest, caller: Caller): HeadBucketOutput {
      // A HEAD has no body to carry NoSuchBucket.
      if (!buckets.find(request.Bucket)) throw notFound()
      return { BucketRegion: buckets.of(request, caller).state.region, AccessPointAlias: false }
    },
    ListBuckets: (request: ListBucketsRequest, { accountId }: Caller) => listBuckets(buckets, request, accountId),
    GetBucketLocation(request: GetBucketLocationRequest, caller: Caller): GetBucketLocationOutput {
      // Answered from every Region: it is how clients find out.
      const { region } = buckets.get(request.Bucket).state
      buckets.of(request, { ...caller, region })
      const location = region as GetBucketLocationOutput['LocationConstraint']
      return region === 'us-east-1' ? {} : { LocationConstraint: location }
    },
    ...versioningOperations(buckets),
    ...policyOperations(buckets),
    ...publicAccessOperations(buckets),
  }
}

function versioningOperations(buckets: Buckets): Operations {
  return {
    PutBucketVersioning(request: PutBucketVersioningRequest, caller: Caller): object {
      const { state } = buckets.of(request, caller)
      const { Status: status, MFADelete } = request.VersioningConfiguration ?? {}
      if (status !== 'Enabled' && status !== 'Suspended') throw malformedXml()
      if (MFADelete === 'Enabled') throw notImplemented('MFADelete is not implemented.')
      if (status === 'Suspended' && state.objectLock) {
        const message =
          'An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.'
        throw new AwsError('InvalidBucketState', message, { status: 409 })
      }
      state.versioning = status
      return {}
    },
    GetBucketVersioning(request: GetBucketVersioningRequest, caller: Caller): GetBucketVersioningOutput {
      const { versioning } = buckets.of(request, caller).state
      return versioning ? { Status: versioning } : {}
    },
  }
}

function policyOperations(buckets: Buckets): Operations {
  return {
    PutBucketPolicy(request: PutBucketPolicyRequest, caller: Caller): object {
      const bucket = buckets.of(request, caller)
      buckets.setPolicy(bucket, checkPolicy(request.Policy ?? '', bucket))
      return {}
    },
    GetBucketPolicy(request: GetBucketPolicyRequest, caller: Caller): GetBucketPolicyOutput {
      const { policy, name } = buckets.of(request, caller).state
      if (policy !== undefined) return { Policy: policy }
      const options = { status: 404, fields: { BucketName: name } }
      throw new AwsError('NoSuchBucketPolicy', 'The bucket policy does not exist', options)
    },
    DeleteBucketPolicy(request: DeleteBucketPolicyRequest, caller: Caller): object {
      buckets.setPolicy(buckets.of(request, caller), undefined)
      return {}
    },
  }
}

function publicAccessOperations(buckets: Buckets): Operations {
  return {
    PutPublicAccessBlock(request: PutPublicAccessBlockRequest, caller: Caller): object {
      const given = request.PublicAccessBlockConfiguration ?? {}
      buckets.of(request, caller).state.publicAccessBlock = {
        BlockPublicAcls: given.BlockPublicAcls ?? false,
        IgnorePublicAcls: given.IgnorePublicAcls ?? false,
        BlockPublicPolicy: given.BlockPublicPolicy ?? false,
        RestrictPublicBuckets: given.RestrictPublicBuckets ?? false,
      }
      return {}
    },
    GetPublicAccessBlock(request: GetPublicAccessBlockRequest, caller: Caller): GetPublicAccessBlockOutput {
      const { publicAccessBlock, name } = buckets.of(request, caller).state
      if (publicAccessBlock) return { PublicAccessBlockConfiguration: publicAccessBlock }
      const message = 'The public access block configuration was not found'
      const options = { status: 404, fields: { BucketName: name } }
      throw new AwsError('NoSuchPublicAccessBlockConfiguration', message, options)
    },
    DeletePublicAccessBlock(request: DeletePublicAccessBlockRequest, caller: Caller): object {
      delete buckets.of(request, caller).state.publicAccessBlock
      return {}
    },
    PutBucketOwnershipControls(request: PutBucketOwnershipControlsRequest, caller: Caller): object {
      buckets.of(request, caller)
      const [rule, ...others] = request.OwnershipControls?.Rules ?? []
      if (!rule || others.length > 0) throw malformedXml()
      if (rule.ObjectOwnership !== 'BucketOwnerEnforced') {
        throw notImplemented(`Object ownership ${rule.ObjectOwnership} is not implemented.`)
      }
      return {}
    },
    GetBucketOwnershipControls(
      request: GetBucketOwnershipControlsRequest,
      caller: Caller,
    ): GetBucketOwnershipControlsOutput {
      buckets.of(request, caller)
      return { OwnershipControls: { Rules: [{ ObjectOwnership: 'BucketOwnerEnforced' }] } }
    },
  }
}

function listBuckets(buckets: Buckets, request: ListBucketsRequest, accountId: string): ListBucketsOutput {
  const { MaxBuckets = MAX_LISTED_BUCKETS, Prefix = '', ContinuationToken, BucketRegion } = request
  if (MaxBuckets < 1 || MaxBuckets > MAX_LISTED_BUCKETS) {
    throw invalidArgument('Argument max-buckets must be an integer between 1 and 10000', {
      ArgumentName: 'max-buckets',
    })
  }
  const after = ContinuationToken === undefined ? '' : Buffer.from(ContinuationToken, 'base64url').toString()
  const matching = buckets
    .ownedBy(accountId)
    .filter(({ name }) => name.startsWith(Prefix) && name > after)
    .filter(({ state }) => BucketRegion === undefined || state.region === BucketRegion)
  const { page, isTruncated } = pageOf(matching, MaxBuckets)
  return {
    Buckets: page.map(({ state }) => ({
      Name: state.name,
      CreationDate: new Date(state.createdMs),
      BucketRegion: state.region,
      BucketArn: `arn:aws:s3:::${state.name}`,
    })),
    Owner: { ID: accountId },
    ...(Prefix === '' ? {} : { Prefix }),
    ...(isTruncated ? { ContinuationToken: Buffer.from(page.at(-1)?.name ?? '').toString('base64url') } : {}),
  }
}

/** us-east-1 is named by the absence of a location, every other Region by its name. */
function checkLocation(request: CreateBucketRequest, region: string): void {
  const { LocationConstraint, Location, Bucket, Tags } = request.CreateBucketConfiguration ?? {}
  if (Location ?? Bucket) throw notImplemented('Directory buckets are not implemented.')
  if (Tags?.length) throw notImplemented('Tags in CreateBucket are not implemented.')
  const location: string | undefined = LocationConstraint
  if (location === 'us-east-1') {
    throw new AwsError('InvalidLocationConstraint', 'The specified location-constraint is not valid')
  }
  if ((location ?? 'us-east-1') === region) return
  const named = location ?? 'unspecified'
  const message = `The ${named} location constraint is incompatible for the region specific endpoint this request was sent to.`
  throw new AwsError('IllegalLocationConstraintException', message)
}
