import { Stack } from 'aws-cdk-lib'
import { CfnSecurityGroup } from 'aws-cdk-lib/aws-ec2'
import { CfnInstanceProfile, Policy, Role, ServicePrincipal, type IRole } from 'aws-cdk-lib/aws-iam'
import type { IBucket } from 'aws-cdk-lib/aws-s3'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import { Construct } from 'constructs'
import type { DeployedProxy } from '../core/contracts/jobs.ts'
import { acknowledgeWildcards } from './findings.ts'
import { nameOf } from './names.ts'
import { reportOfProxy, readOurSnapshotBlocks, writeOurSnapshotBlocks, writeVaults } from './copy-permissions.ts'
import type { Vaults } from './vaults.ts'

interface ProxiesProps {
  readonly deployment: string
  readonly vaults: Vaults
  readonly reports: IBucket
  /** Path of the mover's bundle. */
  readonly mover: string
  /** Where proxies are launched; the default subnet of the machine's zone without it. */
  readonly network?: { readonly vpc: string; readonly subnet: string }
}

/** Latest Amazon Linux 2023 for Graviton: a public parameter. */
const IMAGE_PARAMETER = '/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64'

/** What proxies are launched with: a role, a network without a way in, and the mover (docs/architecture.md, Copies). */
export class Proxies extends Construct {
  readonly deployed: DeployedProxy
  readonly role: IRole
  readonly groupArn: string
  readonly mover: Asset

  constructor(scope: Construct, id: string, { deployment, vaults, reports, mover, network }: ProxiesProps) {
    super(scope, id)
    const name = nameOf(deployment, 'proxy')
    const role = new Role(this, 'Role', {
      roleName: name,
      description: 'Tandem: what a proxy may do while it copies disks into a vault, or back',
      assumedBy: new ServicePrincipal('ec2.amazonaws.com'),
    })
    const statements = [
      ...readOurSnapshotBlocks({ scope: this, deployment }),
      ...writeOurSnapshotBlocks({ scope: this, deployment }),
      ...writeVaults(vaults.access),
      ...reportOfProxy({ scope: this, deployment }, reports),
    ]
    const policy = new Policy(this, 'Policy', { policyName: 'proxy', roles: [role], statements })
    acknowledgeWildcards(policy, statements)
    const profile = new CfnInstanceProfile(this, 'Profile', { instanceProfileName: name, roles: [role.roleName] })
    const group = new CfnSecurityGroup(this, 'Group', {
      groupName: name,
      groupDescription: 'Tandem proxies: nothing comes in',
      ...(network ? { vpcId: network.vpc } : {}),
    })
    this.role = role
    this.groupArn = Stack.of(this).formatArn({
      service: 'ec2',
      resource: 'security-group',
      resourceName: group.attrGroupId,
    })
    this.mover = new Asset(this, 'Mover', { path: mover })
    this.deployed = {
      imageParameter: IMAGE_PARAMETER,
      instanceProfile: profile.ref,
      securityGroup: group.attrGroupId,
      moverBucket: this.mover.s3BucketName,
      moverKey: this.mover.s3ObjectKey,
      ...(network ? { subnet: network.subnet } : {}),
    }
  }

  /** JSON of `DeployedProxy`, with what is known at deployment only. */
  settings(): string {
    return Stack.of(this).toJsonString(this.deployed)
  }
}
