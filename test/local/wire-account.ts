import * as ec2 from '@aws-sdk/client-ec2'
import * as events from '@aws-sdk/client-eventbridge'
import * as iam from '@aws-sdk/client-iam'
import * as lambda from '@aws-sdk/client-lambda'
import * as s3 from '@aws-sdk/client-s3'
import * as scheduler from '@aws-sdk/client-scheduler'
import * as sfn from '@aws-sdk/client-sfn'
import * as ssm from '@aws-sdk/client-ssm'

import { autoClock } from '../../local/clock.ts'
import type { Clock } from '../../local/clock.ts'
import { Faults } from '../../local/faults.ts'
import { createIdentities } from '../../local/identities.ts'
import { createSts } from '../../local/sts/sts.ts'
import { createThrottling } from '../../local/throttling/throttling.ts'
import type { Limits } from '../../local/throttling/throttling.ts'
import { startWireServer } from '../../local/wire/server.ts'
import type { ObservedCall } from '../../local/wire/server.ts'
import { AwsError } from '../../local/wire/service.ts'
import type { Service } from '../../local/wire/service.ts'

export const ACCOUNT_ID = '111122223333'
/** A role's, that outlives every test. */
export const MOVER_SESSION = {
  arn: `arn:aws:sts::${ACCOUNT_ID}:assumed-role/Mover/run-1`,
  accountId: ACCOUNT_ID,
  issuedMs: 0,
  expiresMs: Infinity,
}
export const REGION = 'eu-west-1'
export const START_MS = Date.parse('2026-03-01T00:00:00Z')
export const HOUR_MS = 3_600_000
export const CREATED_AT = new Date('2026-02-03T04:05:06.789Z')

export interface Keys {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

export const ADMINISTRATOR_KEYS: Keys = { accessKeyId: 'test', secretAccessKey: 'test' }

/** An account of tiny operations, one service of each protocol, that note what the wire made of their requests. */
export async function startWireAccount({ limits }: { limits?: Limits } = {}) {
  const clock = autoClock(START_MS)
  const faults = new Faults()
  const throttling = createThrottling({ clock, ...(limits ? { limits } : {}) })
  const identities = createIdentities({ accountId: ACCOUNT_ID })
  const calls: ObservedCall[] = []
  const seen: unknown[] = []
  const note = <Input>(input: Input): Input => {
    seen.push(input)
    return input
  }
  const rules = { authorize: (_operation: string): void => {} }
  const server = await startWireServer({
    services: services(clock, note),
    identify: identities.identify,
    region: REGION,
    faults,
    clock,
    throttling,
    authorize: ({ operation }) => rules.authorize(operation),
    onCall: (call) => calls.push(call),
  })
  return {
    clock,
    faults,
    identities,
    server,
    /** What the observer was told. */
    calls,
    /** Inputs of the operations that ran. */
    seen,
    /** What decides on permissions; a test may replace it. */
    rules,
    /** Configuration of a client that sends each call once. */
    configuration: (keys = ADMINISTRATOR_KEYS, region = REGION) => ({
      endpoint: server.endpoint,
      region,
      credentials: keys,
      maxAttempts: 1,
    }),
  }
}

export type WireAccount = Awaited<ReturnType<typeof startWireAccount>>

/** What a client throws, as far as code matches on it. */
export async function refusal(call: Promise<unknown>): Promise<{ name: string; status?: number; message: string }> {
  try {
    await call
  } catch (error) {
    const { name, message, $metadata } = error as Error & { $metadata?: { httpStatusCode?: number } }
    return { name, message, status: $metadata?.httpStatusCode }
  }
  throw new Error('The call was not refused.')
}

const services = (clock: Clock, note: <Input>(input: Input) => Input): Service[] => [
  createSts(),
  {
    sdk: async () => ec2,
    clientName: 'EC2Client',
    signingName: 'ec2',
    operations: {
      DescribeVolumes(input: ec2.DescribeVolumesRequest): ec2.DescribeVolumesResult {
        note(input)
        if (input.VolumeIds?.includes('vol-gone')) {
          throw new AwsError('InvalidVolume.NotFound', 'The volume \'vol-gone\' does not exist: <none> & "never".')
        }
        return {
          Volumes: [
            {
              VolumeId: 'vol-1',
              Size: 8,
              Encrypted: true,
              CreateTime: CREATED_AT,
              Attachments: [{ InstanceId: 'i-1', DeleteOnTermination: false }],
              Tags: [{ Key: 'a<b', Value: 'x & "y"' }],
            },
          ],
          NextToken: 'more',
        }
      },
      CreateSnapshots: (input: ec2.CreateSnapshotsRequest): ec2.CreateSnapshotsResult => {
        note(input)
        return { Snapshots: [] }
      },
      DeleteVolume(input: ec2.DeleteVolumeRequest) {
        note(input)
      },
      async StopInstances(): Promise<ec2.StopInstancesResult> {
        throw new TypeError('a bug of ours')
      },
    },
  },
  {
    sdk: async () => sfn,
    clientName: 'SFNClient',
    signingName: 'states',
    operations: {
      DescribeExecution(input: sfn.DescribeExecutionInput): sfn.DescribeExecutionOutput {
        if (note(input).executionArn?.endsWith('gone')) {
          throw new AwsError('ExecutionDoesNotExist', 'Execution Does Not Exist', { fields: { resource: 'x' } })
        }
        return { executionArn: input.executionArn, stateMachineArn: 'arn', startDate: CREATED_AT, status: 'RUNNING' }
      },
      async GetActivityTask(input: sfn.GetActivityTaskInput): Promise<sfn.GetActivityTaskOutput> {
        note(input)
        await clock.sleep(HOUR_MS)
        return { taskToken: 'token' }
      },
      CreateStateMachine(input: sfn.CreateStateMachineInput): sfn.CreateStateMachineOutput {
        note(input)
        return { stateMachineArn: 'arn', creationDate: CREATED_AT }
      },
    },
  },
  {
    sdk: async () => ssm,
    clientName: 'SSMClient',
    signingName: 'ssm',
    operations: {
      GetParameter: (input: ssm.GetParameterRequest): ssm.GetParameterResult => ({
        Parameter: { Name: input.Name, Value: 'ami-1', LastModifiedDate: CREATED_AT, Version: 3 },
      }),
    },
  },
  {
    sdk: async () => events,
    clientName: 'EventBridgeClient',
    signingName: 'events',
    operations: {
      PutEvents(input: events.PutEventsRequest): events.PutEventsResponse {
        note(input)
        return { FailedEntryCount: 0, Entries: [{ EventId: 'e-1' }] }
      },
    },
  },
  {
    sdk: async () => scheduler,
    clientName: 'SchedulerClient',
    signingName: 'scheduler',
    operations: {
      CreateSchedule(input: scheduler.CreateScheduleInput): scheduler.CreateScheduleOutput {
        note(input)
        return { ScheduleArn: 'arn:schedule' }
      },
      GetSchedule(input: scheduler.GetScheduleInput): scheduler.GetScheduleOutput {
        note(input)
        throw new AwsError('ResourceNotFoundException', `Schedule ${input.Name} does not exist.`, { status: 404 })
      },
      ListSchedules(input: scheduler.ListSchedulesInput): scheduler.ListSchedulesOutput {
        note(input)
        return { Schedules: [{ Name: 's', CreationDate: CREATED_AT }] }
      },
    },
  },
  {
    sdk: async () => s3,
    clientName: 'S3Client',
    signingName: 's3',
    operations: {
      HeadBucket(input: s3.HeadBucketRequest): s3.HeadBucketOutput {
        note(input)
        return {}
      },
      PutBucketVersioning(input: s3.PutBucketVersioningRequest) {
        note(input)
      },
    },
  },
  {
    sdk: async () => iam,
    clientName: 'IAMClient',
    signingName: 'iam',
    operations: {
      ListUsers(input: iam.ListUsersRequest): iam.ListUsersResponse {
        note(input)
        return { Users: [] }
      },
    },
  },
  {
    sdk: async () => lambda,
    clientName: 'LambdaClient',
    signingName: 'lambda',
    operations: {
      Invoke(input: lambda.InvocationRequest): lambda.InvocationResponse {
        note(input)
        return { StatusCode: 200, FunctionError: 'Unhandled', Payload: Uint8Array.from(Buffer.from('{"out":1}')) }
      },
    },
  },
]
