/**
 * The condition keys that this account knows, after the Service Authorization Reference. A policy with any other is refused:
 * a key that is never in a request would make a denial, or a negated condition an allowance, that AWS would not give.
 */

/** Keys of one value, without the part after the last `/` or `:` where it is free (a tag's key). */
const SINGLE_VALUED: Readonly<Record<string, string>> = {
  aws:
    'CalledViaFirst CalledViaLast ChatbotSourceArn CurrentTime EpochTime FederatedProvider MultiFactorAuthAge MultiFactorAuthPresent ' +
    'PrincipalAccount PrincipalArn PrincipalIsAWSService PrincipalOrgID PrincipalServiceName PrincipalTag/ PrincipalType Referer ' +
    'RequestTag/ RequestedRegion ResourceAccount ResourceOrgID ResourceTag/ SecureTransport SourceAccount SourceArn SourceIdentity ' +
    'SourceIp SourceOrgID SourceVpc SourceVpce TokenIssueTime UserAgent userid username ViaAWSService VpcSourceIp',
  dynamodb: 'EnclosingOperation FullTableScan ReturnConsumedCapacity ReturnValues Select',
  ebs: 'Description ParentSnapshot VolumeSize',
  ec2:
    'Add/group Add/userId AllocationId AssociatePublicIpAddress Attribute Attribute/ AuthorizedService AuthorizedUser ' +
    'AvailabilityZone AvailabilityZoneId CoolOffPeriod CreateAction Domain EbsOptimized Encrypted ImageID ImageType ' +
    'InstanceAutoRecovery InstanceID InstanceMarketType InstanceMetadataTags InstanceProfile InstanceType IsLaunchTemplateResource ' +
    'KeyPairName LaunchTemplate Location KeyPairType KmsKeyId ManagedResourceOperator MetadataHttpEndpoint MetadataHttpPutResponseHopLimit MetadataHttpTokens ' +
    'NetworkInterfaceID NewInstanceProfile OutpostArn Owner ParentSnapshot ParentVolume Permission PlacementGroup ' +
    'PlacementGroupName PlacementGroupStrategy ProductCode Public PublicIpAddress Region Remove/group Remove/userId ResourceTag/ RoleDelivery ' +
    'RootDeviceType SecurityGroupID SnapshotCoolOffPeriod SnapshotID SnapshotLockDuration SnapshotTime SourceAvailabilityZone ' +
    'SourceInstanceARN SourceOutpostArn Subnet SubnetID Tenancy VolumeID VolumeInitializationRate VolumeIops VolumeSize ' +
    'VolumeThroughput VolumeType Vpc VpcID',
  events:
    'creatorAccount detail.eventTypeCode detail.service detail.userIdentity.principalId EventBusInvocation ManagedBy',
  iam: 'AssociatedResourceArn AWSServiceName OrganizationsPolicyId PassedToService PermissionsBoundary PolicyARN ResourceTag/',
  kms:
    'BypassPolicyLockoutSafetyCheck CallerAccount DataKeyPairSpec EncryptionAlgorithm EncryptionContext: ExpirationModel ' +
    'GrantConstraintType GranteePrincipal GrantIsForAWSResource KeyOrigin KeySpec KeyUsage MultiRegion ReEncryptOnSameKey ' +
    'RequestAlias RetiringPrincipal RotationPeriodInDays ScheduleKeyDeletionPendingWindowInDays ViaService',
  lambda:
    'CodeSigningConfigArn EventSourceToken FunctionArn FunctionUrlAuthType InvokedViaFunctionUrl Principal SourceFunctionArn VpcIds',
  s3:
    'authType DataAccessPointAccount DataAccessPointArn delimiter ExistingObjectTag/ if-match if-none-match LocationConstraint ' +
    'max-keys object-lock-legal-hold object-lock-mode object-lock-remaining-retention-days object-lock-retain-until-date prefix ' +
    'RequestObjectTag/ ResourceAccount signatureAge signatureversion TlsVersion VersionId x-amz-acl x-amz-content-sha256 ' +
    'x-amz-copy-source x-amz-metadata-directive x-amz-object-ownership x-amz-server-side-encryption x-amz-server-side-encryption-customer-algorithm ' +
    'x-amz-server-side-encryption-aws-kms-key-id x-amz-storage-class',
  ssm: 'AutoApprove DocumentType Overwrite Recursive resourceTag/ SessionDocumentAccessCheck SourceInstanceARN SyncType',
  states: 'HTTPEndpoint HTTPMethod',
  sts: 'AWSServiceName DurationSeconds ExternalId RoleSessionName SourceIdentity',
}

/** Keys that may have several values in one request: a condition says of which of them it speaks. */
const MULTI_VALUED: Readonly<Record<string, string>> = {
  aws: 'CalledVia PrincipalOrgPaths PrincipalServiceNamesList ResourceOrgPaths SourceOrgPaths TagKeys',
  dynamodb: 'FirstPartitionKeyValues FourthPartitionKeyValues SecondPartitionKeyValues ThirdPartitionKeyValues',
  events: 'detail-type EventBusArn source TargetArn',
  kms: 'EncryptionContextKeys GrantOperations ResourceAliases',
  lambda: 'Layer SecurityGroupIds SubnetIds',
  s3: 'RequestObjectTagKeys',
  ssm: 'DocumentCategories DocumentVersion InventoryTypeName',
  states: 'StateMachineQualifier',
  sts: 'TransitiveTagKeys',
}

const named = (keys: Readonly<Record<string, string>>): Set<string> =>
  new Set(
    Object.entries(keys).flatMap(([service, names]) =>
      names.split(' ').map((name) => `${service}:${name}`.toLowerCase()),
    ),
  )

const singleValued = named(SINGLE_VALUED)
const multiValued = named(MULTI_VALUED)
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
