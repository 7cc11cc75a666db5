/**
 * Instance metadata (IMDSv2): the service that an instance finds at 169.254.169.254, here at a port of its own on loopback, so that the
 * port says who asks. Unmodified SDKs and the CLI find it by AWS_EC2_METADATA_SERVICE_ENDPOINT.
 */
import type { Instance } from '@aws-sdk/client-ec2'
import { wallClockMs, type Clock } from '../clock.ts'
import { blockDevicesAtStart, contentOf } from './content.ts'
import type { RoleOfInstance } from './content.ts'
import { serveMetadata } from './server.ts'
import { Tokens } from './tokens.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken: string
  /** Of virtual time. */
  readonly issuedMs: number
  readonly expiresMs: number
}

export interface MetadataOptions {
  readonly clock: Pick<Clock, 'now' | 'factor'>
  readonly accountId: string
  readonly region: string
  /** ARN of the role in an instance profile; undefined when there is no such profile or no role in it. */
  readonly roleOfProfile?: (profileArn: string) => string | undefined
  /** Credentials of a session of a role that EC2 has assumed for an instance. */
  readonly credentialsFor?: (roleArn: string, sessionName: string) => Credentials
}

/** An instance that can ask. */
export interface MetadataSubject {
  readonly instanceId: string
  readonly reservationId?: string
  /** Decoded. */
  readonly userData?: string
  /** The instance as EC2 describes it at this moment. */
  readonly describe: () => Instance
}

export interface MetadataEndpoint {
  /** E.g. `http://127.0.0.1:40123`. */
  readonly endpoint: string
  close(): Promise<void>
}

export interface Metadata {
  /** Answers for an instance from its start to its stop; a token ends with it. */
  serve(subject: MetadataSubject): Promise<MetadataEndpoint>
}

function roleOf(instance: Instance, instanceId: string, options: MetadataOptions): RoleOfInstance {
  const { roleOfProfile, credentialsFor } = options
  const profileArn = instance.IamInstanceProfile?.Arn
  const roleArn = profileArn === undefined ? undefined : roleOfProfile?.(profileArn)
  const name = roleArn?.slice(roleArn.lastIndexOf('/') + 1)
  return {
    ...(name === undefined ? {} : { name }),
    credentials() {
      if (roleArn === undefined || !credentialsFor) throw new Error(`${instanceId} has no role.`)
      return credentialsFor(roleArn, instanceId)
    },
  }
}

export function createMetadata(options: MetadataOptions): Metadata {
  const { clock } = options
  const toWallMs = (virtualMs: number): number => wallClockMs() + (virtualMs - clock.now()) / (clock.factor ?? 1)
  return {
    serve(subject) {
      const blockDevices = blockDevicesAtStart(subject.describe())
      return serveMetadata({
        // A token's time is short and asked for by the machine's own clock: it must not run out while virtual hours pass in no time.
        tokens: new Tokens(() => performance.now()),
        access: () => subject.describe().MetadataOptions ?? {},
        content() {
          const instance = subject.describe()
          const role = roleOf(instance, subject.instanceId, options)
          return contentOf(subject, instance, { options, blockDevices, role, toWallMs })
        },
      })
    },
  }
}
