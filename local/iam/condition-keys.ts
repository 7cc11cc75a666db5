/**
 * The condition keys that policies may have here, after the Service Authorization Reference: those that requests carry, and those
 * that rightly none does. A policy with any other is refused: a key that AWS knows and this account never tells would make a
 * denial, or a negated condition an allowance, that AWS would not give.
 */

/** Keys of one value, without the part after the last `/` or `:` where it is free (a tag's key). */
const SINGLE_VALUED: Readonly<Record<string, string>> = {
  aws:
    'CalledViaFirst CalledViaLast CurrentTime EpochTime PrincipalAccount PrincipalArn PrincipalIsAWSService ' +
    'PrincipalServiceName PrincipalTag/ PrincipalType RequestTag/ RequestedRegion ResourceAccount ResourceTag/ ' +
    'SecureTransport SourceAccount SourceArn SourceIp TokenIssueTime userid username ViaAWSService',
  dynamodb: 'EnclosingOperation ReturnValues Select',
  ebs: 'Description ParentSnapshot VolumeSize',
  ec2:
    'Add/group Add/userId Attribute Attribute/ AvailabilityZone AvailabilityZoneId CreateAction Encrypted ' +
    'ImageID ImageType InstanceID InstanceMarketType InstanceProfile InstanceType KmsKeyId ' +
    'MetadataHttpEndpoint MetadataHttpPutResponseHopLimit MetadataHttpTokens Owner ParentSnapshot ParentVolume ' +
    'Public Region Remove/group Remove/userId ResourceTag/ RootDeviceType SnapshotCoolOffPeriod SnapshotID ' +
    'SnapshotLockDuration SnapshotTime Tenancy VolumeID VolumeIops VolumeSize VolumeThroughput VolumeType Vpc',
  iam: 'PassedToService PermissionsBoundary PolicyARN',
  kms:
    'CallerAccount EncryptionContext: GrantConstraintType GranteePrincipal GrantIsForAWSResource KeyOrigin ' +
    'KeySpec KeyUsage MultiRegion RequestAlias RetiringPrincipal ScheduleKeyDeletionPendingWindowInDays ' +
    'ViaService',
  s3:
    'delimiter ExistingObjectTag/ if-match if-none-match LocationConstraint max-keys object-lock-legal-hold ' +
    'object-lock-mode object-lock-retain-until-date prefix RequestObjectTag/ VersionId x-amz-acl ' +
    'x-amz-copy-source x-amz-metadata-directive x-amz-server-side-encryption x-amz-server-side-encryption-aws-kms-key-id ' +
    'x-amz-storage-class',
  ssm: 'resourceTag/',
  states: 'StateMachineQualifier',
  sts: 'ExternalId RoleSessionName',
}

/** Keys that may have several values in one request: a condition says of which of them it speaks. */
const MULTI_VALUED: Readonly<Record<string, string>> = {
  aws: 'CalledVia TagKeys',
  events: 'detail-type source TargetArn',
  kms: 'EncryptionContextKeys GrantOperations',
  s3: 'RequestObjectTagKeys',
}

/**
 * Keys of what this account has not: multi-factor authentication, organisations, VPC endpoints, identity providers, chat bots. AWS would not
 * have them in such a request either, so policies may have them, and decide by their absence.
 */
const ABSENT_KEYS: readonly string[] = (
  'aws:ChatbotSourceArn aws:FederatedProvider aws:MultiFactorAuthAge aws:MultiFactorAuthPresent aws:PrincipalOrgID aws:ResourceOrgID ' +
  'aws:SourceIdentity aws:SourceOrgID aws:SourceVpc aws:SourceVpce aws:VpcSourceIp'
).split(' ')
const ABSENT_LISTS = ['aws:PrincipalOrgPaths', 'aws:ResourceOrgPaths', 'aws:SourceOrgPaths']

const named = (keys: Readonly<Record<string, string>>): string[] =>
  Object.entries(keys).flatMap(([service, names]) => names.split(' ').map((name) => `${service}:${name}`))

/** Those that access maps, or the authority for every request, tell where there is something to tell. */
export const SUPPLIED_KEYS: readonly string[] = [...named(SINGLE_VALUED), ...named(MULTI_VALUED)]

const lowered = (keys: readonly string[]): Set<string> => new Set(keys.map((key) => key.toLowerCase()))
const singleValued = lowered([...named(SINGLE_VALUED), ...ABSENT_KEYS])
const multiValued = lowered([...named(MULTI_VALUED), ...ABSENT_LISTS])
const prefixes = [...singleValued].filter((name) => /[/:]$/.test(name))

/** How many values a key may have in a request; undefined for one that this account does not know. The case of names is ignored. */
export function cardinalityOf(key: string): 'one' | 'many' | undefined {
  const name = key.toLowerCase()
  if (multiValued.has(name)) return 'many'
  const isOne =
    (singleValued.has(name) && !prefixes.includes(name)) ||
    prefixes.some((prefix) => name.length > prefix.length && name.startsWith(prefix))
  return isOne ? 'one' : undefined
}
